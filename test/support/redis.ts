/** A real redis-server of the system on a port of its own, whose data outlives kill -9. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Path of redis-server, where it is installed. */
export const redisServer: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'redis-server'))
  .find((file) => existsSync(file))

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'redis-'))
  #port = 0
  #child: ChildProcess | undefined

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** Starts it, or starts it again over the same data. */
  async start(): Promise<this> {
    if (this.#port === 0) this.#port = await freePort()
    const options = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    // Every change is on the disk before it is answered.
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
    const child = spawn(redisServer!, [...options, ...durable], { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child = child
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (data) => {
        said += data
        if (said.includes('Ready to accept connections')) resolve()
      })
      child.once('close', () => reject(new Error(said)))
    })
    return this
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
