/** The messages between a page and the worker that speaks in it. One text at a time: a new one ends the last. */
import type { SentenceTime } from '../synthesis/times.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'

/** Where a voice comes from. */
export interface VoiceSource {
  /** Folder of the voice's files. A relative one is looked for where the worker came from. */
  voice: string
  /** Folder of the engine's files, absolute, with a slash at its end. Default: the worker's own. */
  engine?: string
  /** An API key, where the server asks for one to give its voices out. */
  key?: string
}

export type ToBrowserWorker =
  /** Loads the voice; `ready` follows. */
  | ({ type: 'open'; id: number } & VoiceSource)
  | ({
      type: 'speak'
      id: number
      input: string
      /** Default: the input is SSML when it begins with <speak>. */
      ssml?: boolean
      seed?: number
      speed?: number
      pitch?: number
      lexicon?: Readonly<Record<string, string>>
      vocoder?: VocoderKind
    } & VoiceSource)
  /** Asks for the voice's size; `size` follows. What is spoken goes on. */
  | ({ type: 'size'; id: number } & VoiceSource)
  | { type: 'stop' }

export type FromBrowserWorker =
  | { type: 'progress'; id: number; loaded: number; total: number }
  /** Bytes of all files, and of those that the browser does not keep. */
  | { type: 'size'; id: number; bytes: number; missing: number }
  /** The voice is there, and speaking begins. */
  | { type: 'ready'; id: number }
  | ({ type: 'sentence'; id: number } & SentenceTime)
  | { type: 'mark'; id: number; name: string }
  /** 24 kHz, mono. */
  | { type: 'audio'; id: number; pcm: Int16Array }
  | { type: 'done'; id: number; seed: number }
  | { type: 'error'; id: number; code: string; message: string; remedy: string }
