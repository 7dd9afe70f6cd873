import { expect, test } from 'vitest'
import { inProcessWorker } from '../../test/support/in-process-worker.ts'
import { predictLetters, standIn } from '../../test/support/stand-in.ts'
import type { FromWorker, SpeechRequest, WorkerPort } from './messages.ts'

const request = (voice: string, input: SpeechRequest['input']): SpeechRequest => ({
  voice,
  seed: 1,
  speed: 1,
  output: { format: 'pcm', sampleRate: 24000 },
  input,
})
const text = { kind: 'text', text: 'Hello there.' } as const

/** Resolves with the first message that fits. */
const message = (worker: WorkerPort, fits: (m: FromWorker) => boolean): Promise<FromWorker> =>
  new Promise((resolve) => worker.on('message', (m) => fits(m) && resolve(m)))
const done = (worker: WorkerPort, id: number) => message(worker, (m) => m.type === 'done' && m.id === id)

/** A worker whose voices say when they are opened and closed. */
function watched() {
  const events: string[] = []
  const mixtures: unknown[] = []
  const worker = inProcessWorker(async (name) => {
    events.push(`open ${name}`)
    return standIn({
      voice: name,
      parts: {
        close: () => void events.push(`close ${name}`),
        predict: async (phonemes, { rate, mixture }) => {
          mixtures.push(mixture)
          return predictLetters(phonemes, { rate })
        },
      },
    }).synthesizer
  })
  return { worker, events, mixtures, ready: message(worker, (m) => m.type === 'ready') }
}

test('a voice that is another package now is opened anew, and the old one closed', async () => {
  const { worker, events, ready } = watched()
  await ready
  const first = done(worker, 1)
  worker.postMessage({ type: 'open', id: 1, request: request('ada', text), credit: 1e6 })
  await first
  worker.postMessage({ type: 'forget', voices: ['ada', 'nobody'] })
  const second = done(worker, 2)
  worker.postMessage({ type: 'open', id: 2, request: request('ada', text), credit: 1e6 })
  await second
  expect(events).toEqual(['open stand-in', 'open ada', 'close ada', 'open ada'])
  worker.terminate()
})

test('a stream that runs keeps the voice that it began with', async () => {
  const { worker, events, ready } = watched()
  await ready
  const audio = message(worker, (m) => m.type === 'audio' && m.id === 1)
  worker.postMessage({ type: 'open', id: 1, request: request('ada', { kind: 'live', early: false }), credit: 1e6 })
  worker.postMessage({ type: 'text', id: 1, text: 'Hello there. And ' })
  await audio
  worker.postMessage({ type: 'forget', voices: ['ada'] })
  const other = done(worker, 2)
  worker.postMessage({ type: 'open', id: 2, request: request('ada', text), credit: 1e6 })
  await other
  expect(events).toEqual(['open stand-in', 'open ada', 'open ada'])
  const end = done(worker, 1)
  worker.postMessage({ type: 'text', id: 1, text: 'so on.' })
  worker.postMessage({ type: 'end', id: 1 })
  await end
  await new Promise(setImmediate)
  expect(events).toEqual(['open stand-in', 'open ada', 'open ada', 'close ada'])
  worker.terminate()
})

test('a mixture is spoken by the first voice, as all of them', async () => {
  const { worker, events, mixtures, ready } = watched()
  await ready
  const end = done(worker, 1)
  worker.postMessage({ type: 'open', id: 1, request: request('ada:0.6,bo:0.4', text), credit: 1e6 })
  await end
  expect(events).toEqual(['open stand-in', 'open ada'])
  expect(mixtures).toEqual([{ ada: 0.6, bo: 0.4 }])
  worker.terminate()
})
