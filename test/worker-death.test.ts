/** A synthesis thread that dies, with real threads and the tiny voice: its streams end, the others go on, a new one starts. */
import type { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { readConfig } from '../server/config.ts'
import { spawnWorker, startServer } from '../server/index.ts'
import { until } from './support/test-server.ts'

const LONG = 'Every sentence of this long text says much the same thing as the one before it did. '.repeat(45)

test('a thread that is killed takes only its own streams with it', async () => {
  const threads: Worker[] = []
  const lost: string[] = []
  const server = await startServer({
    config: readConfig({ PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '2' }),
    catalogue: { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' },
    spawn() {
      const thread = spawnWorker({ voice: 'tiny' }) as Worker
      threads.push(thread)
      return thread
    },
    log: (line) => lost.push(line),
  })
  const speak = (input: string) =>
    fetch(`http://127.0.0.1:${server.port}/v1/audio/speech`, {
      method: 'POST',
      body: JSON.stringify({ input, response_format: 'pcm', seed: 1, speed: 0.5 }),
    })
  await until(() => server.pool.readyWorkers === 2)
  const answers = await Promise.all([speak(LONG), speak(LONG)])
  const bodies = answers.map((answer) => answer.arrayBuffer().then((bytes) => bytes.byteLength))
  const settled = Promise.allSettled(bodies)
  await threads[0]!.terminate()
  const outcomes = (await settled).map(({ status }) => status)
  expect(outcomes.sort()).toEqual(['fulfilled', 'rejected'])
  await until(() => server.pool.readyWorkers === 2)
  expect(threads.length).toBe(3)
  expect(lost).toHaveLength(1)
  const next = await speak('Still here.')
  expect(next.status).toBe(200)
  expect((await next.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
  await server.stop()
})
