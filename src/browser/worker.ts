/**
 * Entry of the worker that speaks inside a page: the same text front end, models and vocoders as on a server, compiled to
 * WebAssembly where those are native. The page's thread stays free.
 */
import { toPcm16 } from '../audio/pcm.ts'
import { SparsewaveError } from '../errors.ts'
import { randomSeed } from '../synthesis/seed.ts'
import { looksLikeSsml } from '../synthesis/ssml/index.ts'
import type { Synthesizer } from '../synthesis/synthesizer.ts'
import type { FromBrowserWorker, ToBrowserWorker } from './messages.ts'
import { BROWSER_VOCODER, openVoice } from './voice.ts'

/** Voices by folder; one that could not be opened is tried again. */
const voices = new Map<string, Promise<Synthesizer>>()
let current = { id: 0, stop: new AbortController() }

const tell = (message: FromBrowserWorker, transfer: readonly ArrayBuffer[] = []): void =>
  self.postMessage(message, transfer)

self.onmessage = ({ data }) => {
  const message = data as ToBrowserWorker
  current.stop.abort()
  if (message.type === 'stop') return
  current = { id: message.id, stop: new AbortController() }
  void speak(message, current.stop.signal)
}

async function speak(request: Extract<ToBrowserWorker, { type: 'speak' }>, signal: AbortSignal): Promise<void> {
  const { id, input } = request
  try {
    const synthesizer = await voiceOf(request)
    if (signal.aborted) return
    tell({ type: 'ready', id })
    const seed = request.seed ?? randomSeed()
    const { speed = 1, pitch = 1, vocoder = BROWSER_VOCODER } = request
    const options = { seed, speed, pitch, vocoder, signal, ssml: looksLikeSsml(input) }
    for await (const { samples, sentence } of synthesizer.stream(input, options)) {
      if (sentence) tell({ type: 'sentence', id, ...sentence })
      const pcm = toPcm16(samples)
      if (pcm.length > 0) tell({ type: 'audio', id, pcm }, [pcm.buffer as ArrayBuffer])
      await messages()
      if (signal.aborted) return
    }
    tell({ type: 'done', id, seed })
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof SparsewaveError)) console.error(error)
    const { code, message, remedy } =
      error instanceof SparsewaveError
        ? error
        : new SparsewaveError('SYNTHESIS_FAILED', `This browser could not make the audio: ${error}`)
    tell({ type: 'error', id, code, message, remedy })
  }
}

function voiceOf({ voice, key }: Extract<ToBrowserWorker, { type: 'speak' }>): Promise<Synthesizer> {
  const known = voices.get(voice)
  if (known) return known
  const opening = openVoice({
    engine: new URL('.', self.location.href).href,
    voice: new URL(voice, self.location.href).href,
    headers: key ? { Authorization: `Bearer ${key}` } : {},
    // Whoever waits now: the one who asked first may have been stopped meanwhile.
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

/** Lets messages in that wait, such as one to stop. */
const messages = (): Promise<void> =>
  new Promise((resolve) => {
    heard = resolve
    channel.port2.postMessage(undefined)
  })
