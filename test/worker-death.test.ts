/** A synthesis worker that dies, with real threads and processes and the tiny voice: its streams end, the others go on, a new one starts. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { readConfig } from '../server/config.ts'
import { startServer } from '../server/start.ts'
import type { WorkerKind, WorkerPort } from '../server/synthesis/messages.ts'
import type { ProcessPort } from '../server/synthesis/spawn.ts'
import { spawnWorker } from '../server/synthesis/spawn.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { until } from './support/test-server.ts'

/** A stream that says one sentence after the other, and what came of it. */
class Talk {
  flushed = 0
  bytes = 0
  error: string | undefined
  readonly #socket: WebSocket

  constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/v1/audio/stream`)
    this.#socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.bytes += data.length
      else {
        const { type, code } = JSON.parse(data.toString())
        if (type === 'flushed') this.flushed++
        if (type === 'error') this.error = code
      }
    })
  }

  say(text: string): void {
    this.#socket.send(JSON.stringify({ type: 'text', text }))
    this.#socket.send(JSON.stringify({ type: 'flush' }))
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  close(): void {
    this.#socket.terminate()
  }
}

interface Dying {
  readonly kind: WorkerKind
  /** Ends a worker as nothing in it could foresee. */
  kill(worker: WorkerPort): unknown
  /** Said by both talks before the worker dies, and whether that is in the middle of it. */
  readonly text: string
  readonly midway: boolean
}

const THREAD: Dying = {
  kind: 'thread',
  kill: (worker) => worker.terminate(),
  // They wait for text then: a thread that is killed inside onnxruntime takes the process with it.
  text: 'One each.',
  midway: false,
}
const PROCESS: Dying = {
  kind: 'process',
  // What a bad pointer in native code does.
  kill: (worker) => process.kill((worker as ProcessPort).pid!, 'SIGSEGV'),
  text: 'One boat after the other came in, and nobody knew where from. '.repeat(60),
  midway: true,
}

test.each([THREAD, PROCESS])(
  'a $kind that is killed takes only its own streams with it',
  async (dying) => {
    const workers: WorkerPort[] = []
    const lost: string[] = []
    const server = await startServer({
      config: readConfig({ PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '2' }),
      catalogue: { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' },
      spawn() {
        const worker = spawnWorker({ voice: 'tiny' }, dying.kind)
        workers.push(worker)
        return worker
      },
      log: (line) => lost.push(line),
    })
    await until(() => server.pool.readyWorkers === 2)
    const talks = [new Talk(server.port), new Talk(server.port)]
    await until(() => talks.every(({ open }) => open))
    for (const talk of talks) talk.say(dying.text)
    await until(() => talks.every(({ flushed, bytes }) => (dying.midway ? bytes > 0 : flushed === 1)))
    await dying.kill(workers[0]!)
    await until(() => talks.some(({ error }) => error !== undefined))
    expect(talks.map(({ error }) => error).sort()).toEqual(['synthesis_failed', undefined])
    expect(talks.find(({ error }) => error !== undefined)!.flushed).toBe(dying.midway ? 0 : 1)
    const left = talks.find(({ error }) => error === undefined)!
    await until(() => left.flushed === 1)
    const before = left.bytes
    left.say('Still here.')
    await until(() => left.flushed === 2)
    expect(left.bytes - before).toBeGreaterThan(10_000)

    await until(() => server.pool.readyWorkers === 2)
    expect(workers.length).toBe(3)
    expect(lost).toHaveLength(1)
    if (dying.kind === 'process') expect(lost[0]).toContain('SIGSEGV')
    for (const talk of talks) talk.close()
    const next = await fetch(`http://127.0.0.1:${server.port}/v1/audio/speech`, {
      method: 'POST',
      body: JSON.stringify({ input: 'Still here.', response_format: 'pcm' }),
    })
    expect(next.status).toBe(200)
    expect((await next.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
    await server.stop()
  },
  60_000,
)

test('worker processes say what threads say, and end with the server, also when it is killed', async () => {
  const audio: string[] = []
  for (const kind of ['thread', 'process'] as const) {
    const server = await startServer({
      config: readConfig({ PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '1' }),
      catalogue: { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' },
      spawn: () => spawnWorker({ voice: 'tiny' }, kind),
    })
    const body = JSON.stringify({ input: 'Two of a kind.', response_format: 'wav', seed: 3 })
    const answer = await fetch(`http://127.0.0.1:${server.port}/v1/audio/speech`, { method: 'POST', body })
    audio.push(Buffer.from(await answer.arrayBuffer()).toString('base64'))
    await server.stop()
  }
  expect(audio[1]).toBe(audio[0])

  const env = { ...process.env, SPARSEWAVE_VOICE: 'tiny', SPARSEWAVE_WORKERS: '1', SPARSEWAVE_WORKER_KIND: 'process' }
  const args = [join(PACKAGE_ROOT, 'bin/sparsewave.mjs'), 'serve', '--port', '0']
  const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const piece of server.stderr) if (String(piece).includes('Listening')) break
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ')
  expect(children).toHaveLength(1)
  server.kill('SIGKILL')
  await until(() => !existsSync(`/proc/${children[0]}`))
}, 120_000)
