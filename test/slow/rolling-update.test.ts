/**
 * Three servers behind a real HAProxy (Debian's package) with the configuration that we ship, restarted one after the other
 * under load: every stream is whole, byte for byte, and no answer is an error.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { PACKAGE_ROOT } from '../../src/root.ts'

const haproxy = `${process.env.PATH ?? ''}${delimiter}/usr/sbin`
  .split(delimiter)
  .map((folder) => join(folder, 'haproxy'))
  .find((file) => existsSync(file))

const CONFIGURATION = readFileSync(join(PACKAGE_ROOT, 'deploy/proxy/haproxy.cfg'), 'utf8')
const TEXT = 'Two boats came home. The harbour was quiet, and the lamps were lit. Nobody spoke for a while. '.repeat(3)
const SPOKEN = 'Two boats came home. The harbour was quiet. Nobody spoke for a while.'
const SEED = 7

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  )

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50)
}

describe.skipIf(!haproxy)('with HAProxy (skipped where the package is not installed)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rolling-'))
  const children = new Set<ChildProcess>()
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  function start(command: string, args: string[]): ChildProcess {
    const env = {
      ...process.env,
      SPARSEWAVE_SKIP_BUILD: '1',
      SPARSEWAVE_VOICE: 'tiny',
      SPARSEWAVE_WORKERS: '1',
      // The proxy looks twice a second.
      SPARSEWAVE_LEAVE_SECONDS: '1',
      // How many streams fit is not the question here.
      SPARSEWAVE_LOAD_LIMIT: '1000',
      SPARSEWAVE_LOG_LEVEL: 'error',
    }
    const child = spawn(command, args, { env, stdio: ['ignore', 'inherit', 'ignore'] })
    children.add(child)
    child.on('exit', () => children.delete(child))
    return child
  }

  async function startServer(port: number): Promise<ChildProcess> {
    const command = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
    const child = start(process.execPath, [command, 'serve', '--host', '127.0.0.1', '--port', String(port)])
    await until(() => isReady(port))
    return child
  }

  async function startProxy(servers: readonly number[]): Promise<number> {
    const port = await freePort()
    let at = 0
    const configuration = CONFIGURATION.replace(/bind :8080/, `bind 127.0.0.1:${port}`).replace(
      /10\.0\.0\.\d:8080/g,
      () => `127.0.0.1:${servers[at++]}`,
    )
    writeFileSync(join(dir, 'haproxy.cfg'), configuration)
    start(haproxy!, ['-f', join(dir, 'haproxy.cfg')])
    await until(() => isReady(port))
    return port
  }

  async function speak(port: number, pause = 0): Promise<Buffer> {
    const response = await fetch(`http://127.0.0.1:${port}/v1/audio/speech`, {
      method: 'POST',
      body: JSON.stringify({ input: TEXT, response_format: 'pcm', seed: SEED }),
    })
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
    const pieces: Uint8Array[] = []
    for await (const piece of response.body!) {
      // A reader who takes their time, so that the stream is still open when its server is told to end.
      if (pieces.length === 0) await sleep(pause)
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  /** Writes as a language model does: a few characters at a time. */
  async function converse(port: number, pause = 0): Promise<Buffer> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/audio/stream`)
    const pieces: Buffer[] = []
    let isDone = false
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) pieces.push(data)
      else {
        const message = JSON.parse(data.toString())
        if (message.type === 'error') socket.emit('error', new Error(message.message))
        isDone ||= message.type === 'done'
      }
    })
    const closed = once(socket, 'close')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'start', seed: SEED }))
    for (const text of SPOKEN.match(/.{1,6}/gs)!) {
      socket.send(JSON.stringify({ type: 'text', text }))
      await sleep(pause)
    }
    socket.send(JSON.stringify({ type: 'close' }))
    const [code] = await closed
    if (!isDone) throw new Error(`a WebSocket was closed with ${code}`)
    return Buffer.concat(pieces)
  }

  test('servers restart one after the other, and no stream is cut', async () => {
    const ports = [await freePort(), await freePort(), await freePort()]
    const servers = await Promise.all(ports.map(startServer))
    const port = await startProxy(ports)
    const whole = { speak: await speak(ports[0]!), converse: await converse(ports[0]!) }

    const faults: string[] = []
    const done = { speak: 0, converse: 0 }
    let isOver = false
    const client = async (name: 'speak' | 'converse', pause: number): Promise<void> => {
      while (!isOver) {
        try {
          const bytes = await { speak, converse }[name](port, pause)
          if (bytes.equals(whole[name])) done[name]++
          else faults.push(`${name}: ${bytes.length} bytes of ${whole[name].length}, or others`)
        } catch (error) {
          faults.push(`${name}: ${error}`)
        }
      }
    }
    const clients = [
      ...[400, 600, 800].map((pause) => client('speak', pause)),
      ...[40, 60, 80].map((pause) => client('converse', pause)),
    ]
    for (const [i, server] of servers.entries()) {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
      await startServer(ports[i]!)
    }
    isOver = true
    await Promise.all(clients)
    expect(faults).toEqual([])
    expect(done.speak).toBeGreaterThan(10)
    expect(done.converse).toBeGreaterThan(10)
  })
})
