/** What a page and the worker that speaks in it say to each other. One text at a time: a new one ends the last. */
import type { SentenceTime } from '../synthesis/times.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'

export type ToBrowserWorker =
  | {
      type: 'speak'
      id: number
      /** Folder of the voice's files on the server the page came from. */
      voice: string
      /** An API key, where the server asks for one to give its voices out. */
      key?: string
      /** Text, or SSML if it begins with <speak>. */
      input: string
      seed?: number
      speed?: number
      pitch?: number
      vocoder?: VocoderKind
    }
  | { type: 'stop' }

export type FromBrowserWorker =
  | { type: 'progress'; id: number; loaded: number; total: number }
  /** The voice is there, and speaking begins. */
  | { type: 'ready'; id: number }
  | ({ type: 'sentence'; id: number } & SentenceTime)
  /** 24 kHz, mono. */
  | { type: 'audio'; id: number; pcm: Int16Array }
  | { type: 'done'; id: number; seed: number }
  | { type: 'error'; id: number; code: string; message: string; remedy: string }
