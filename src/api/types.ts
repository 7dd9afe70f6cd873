/** What the library's public functions take and give, in Node and in browsers. */
import type { SentenceTime } from '../synthesis/times.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'

/** A piece of speech, in the order in which it is to be played. */
export interface SpeechChunk {
  /** Mono samples at 24 kHz, each from -1 to 1. May be empty. */
  readonly samples: Float32Array<ArrayBuffer>
  /** Times of the words and phonemes of a sentence. Set on the first chunk of each sentence. */
  readonly sentence?: SentenceTime
  /** Name of an SSML `<mark/>`. Everything before it has been given out. */
  readonly mark?: string
}

/** How a text is spoken. */
export interface SpeakOptions {
  /** Speaking rate from 0.25 to 4. Default 1, the pace of the voice's recordings. */
  readonly speed?: number | undefined
  /** Factor on the pitch, from 0.5 to 2. Default 1. */
  readonly pitch?: number | undefined
  /** Unsigned 32-bit integer. The same seed gives the same samples. Default: drawn at random. */
  readonly seed?: number | undefined
  /** Whether the text is SSML. Default: it is when it begins with `<speak>`. */
  readonly ssml?: boolean | undefined
  /** Pronunciations that replace the dictionary's, by word. Phonemes are the voice's own, or IPA between slashes. */
  readonly lexicon?: Readonly<Record<string, string>> | undefined
  /** `sparse-wavernn` sounds best, `source-filter` costs least. Default: the voice's own. */
  readonly vocoder?: VocoderKind | undefined
  /** Stops the speech within one chunk. The stream then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A text, or the pieces of a text that is still being written, such as a language model's tokens. */
export type TextSource = string | Iterable<string> | AsyncIterable<string>
