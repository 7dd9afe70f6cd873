/**
 * Entry of the worker that speaks inside a page: the same text front end, models and vocoders as on a server, on
 * WebAssembly where those are native. The page's thread stays free.
 */
import { toPcm16 } from '../audio/pcm.ts'
import { SparsewaveError } from '../errors.ts'
import { randomSeed } from '../synthesis/seed.ts'
import { looksLikeSsml } from '../synthesis/ssml/index.ts'
import type { Synthesizer } from '../synthesis/synthesizer.ts'
import type { FromBrowserWorker, ToBrowserWorker, VoiceSource } from './messages.ts'
import { BROWSER_VOCODER, measureVoice, openVoice } from './voice.ts'

/** Voices by folder. One that could not be opened is tried again. */
const voices = new Map<string, Promise<Synthesizer>>()
let current = { id: 0, stop: new AbortController() }

const tell = (message: FromBrowserWorker, transfer: readonly ArrayBuffer[] = []): void =>
  self.postMessage(message, transfer)

self.onmessage = ({ data }) => {
  const message = data as ToBrowserWorker
  if (message.type === 'size') {
    void answer(message.id, new AbortController().signal, () => measure(message))
    return
  }
  current.stop.abort()
  if (message.type === 'stop') return
  current = { id: message.id, stop: new AbortController() }
  const { signal } = current.stop
  void answer(message.id, signal, () => (message.type === 'open' ? load(message) : speak(message, signal)))
}

/** Does the work and reports how it failed, unless it has been stopped meanwhile. */
async function answer(id: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof SparsewaveError)) console.error(error)
    const { code, message, remedy } =
      error instanceof SparsewaveError
        ? error
        : new SparsewaveError('SYNTHESIS_FAILED', `This browser could not synthesize the speech: ${error}`)
    tell({ type: 'error', id, code, message, remedy })
  }
}

async function load(request: Extract<ToBrowserWorker, { type: 'open' }>): Promise<void> {
  await voiceOf(request)
  tell({ type: 'ready', id: request.id })
}

async function measure(request: Extract<ToBrowserWorker, { type: 'size' }>): Promise<void> {
  tell({ type: 'size', id: request.id, ...(await measureVoice(filesAt(request))) })
}

async function speak(request: Extract<ToBrowserWorker, { type: 'speak' }>, signal: AbortSignal): Promise<void> {
  const { id, input } = request
  const synthesizer = await voiceOf(request)
  if (signal.aborted) return
  tell({ type: 'ready', id })
  const { seed = randomSeed(), speed = 1, pitch = 1, vocoder = BROWSER_VOCODER, lexicon = {} } = request
  const ssml = request.ssml ?? looksLikeSsml(input)
  const options = { seed, speed, pitch, vocoder, lexicon, signal, ssml }
  for await (const { samples, sentence, mark } of synthesizer.stream(input, options)) {
    if (mark !== undefined) tell({ type: 'mark', id, name: String(mark) })
    if (sentence) tell({ type: 'sentence', id, ...sentence })
    const pcm = toPcm16(samples)
    if (pcm.length > 0) tell({ type: 'audio', id, pcm }, [pcm.buffer as ArrayBuffer])
    await messages()
    if (signal.aborted) return
  }
  tell({ type: 'done', id, seed })
}

const filesAt = ({ voice, key, engine }: VoiceSource) => ({
  engine: engine ?? new URL('.', self.location.href).href,
  // A worker that was started from a blob has no folder of its own, and gets an absolute URL.
  voice: /^[a-z]+:/i.test(voice) ? voice : new URL(voice, self.location.href).href,
  headers: key ? { Authorization: `Bearer ${key}` } : {},
})

function voiceOf(source: VoiceSource): Promise<Synthesizer> {
  const { voice } = source
  const known = voices.get(voice)
  if (known) return known
  const opening = openVoice({
    ...filesAt(source),
    // To the request that waits now. The one that began the loading may have been stopped.
    progress: (loaded, total) => tell({ type: 'progress', id: current.id, loaded, total }),
  })
  voices.set(voice, opening)
  opening.catch(() => voices.delete(voice))
  return opening
}

const channel = new MessageChannel()
let heard: (() => void) | undefined
channel.port1.addEventListener('message', () => heard?.())
channel.port1.start()

/** Lets waiting messages in, such as one to stop. */
const messages = (): Promise<void> =>
  new Promise((resolve) => {
    heard = resolve
    channel.port2.postMessage(undefined)
  })
