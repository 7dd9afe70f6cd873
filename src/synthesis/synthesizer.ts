/**
 * Text to a stream of samples: sentences -> phonemes -> frames -> samples, one sentence at a time, the next one's
 * frames made while this one is spoken. The samples depend on the voice, the vocoder, the text, the speed and the
 * seed alone, never on timing or on how the stream is read.
 */
import type { Prediction } from '../acoustic/index.ts'
import { SparsewaveError } from '../errors.ts'
import { type Frames, HOP, SAMPLE_RATE, sliceFrames } from '../frames.ts'
import type { Phonemized, PhonemizedWord } from '../text/index.ts'
import type { Vocoder, VocoderKind } from '../vocoder/vocoder.ts'
import { randomSeed, sentenceSeed } from './seed.ts'
import { type Mark, type PauseKind, type Sentence, sentencesOf } from './sentences.ts'
import { DEFAULT_PAUSES, fadeEnds, type Pauses, pauseSamples, trimSilence } from './silence.ts'

/** What the synthesizer needs of its parts; `loadParts` (load.ts) makes them from a voice package. */
export interface SynthesizerParts {
  readonly voice: string
  readonly defaultVocoder: VocoderKind
  readonly pauses?: Pauses
  phonemize(text: string): Phonemized
  /** Frames of the phonemes. A symbol that the model does not know may be left out of what it answers. */
  predict(phonemes: string, options: { rate: number }): Promise<Prediction>
  openVocoder(kind: VocoderKind): Promise<Vocoder>
  close?(): Promise<void> | void
}

export interface WordTime {
  readonly text: string
  /** Characters [start, end) of the input. */
  readonly start: number
  readonly end: number
  /** Seconds from the start of the audio. */
  readonly from: number
  readonly to: number
}

export interface SentenceTime {
  readonly index: number
  readonly text: string
  /** Characters [start, end) of the input. */
  readonly start: number
  readonly end: number
  /** Seconds from the start of the audio. */
  readonly from: number
  readonly to: number
  readonly words: readonly WordTime[]
}

export interface Chunk {
  /** Samples -1..1 at 24 kHz; may be empty. */
  readonly samples: Float32Array
  /** The sentence that begins with this chunk. */
  readonly sentence?: SentenceTime
  /** A mark that the reader has reached: everything before it has been given out. */
  readonly mark?: string | number
  /** Samples of the whole stream; on the first chunk when `measure` was asked for. */
  readonly totalSamples?: number
}

export type Stage = 'text' | 'acoustic' | 'conditioning' | 'vocoder'

/** How many streams on one thread share it; without one, each stream takes what it can get. */
export interface Scheduler {
  /** Runs one piece of vocoder work when it is the stream's turn. */
  turn<T>(work: () => Promise<T>): Promise<T>
  /** Runs the acoustic model when it is the stream's turn to. */
  acoustic<T>(work: () => Promise<T>): Promise<T>
}

export interface SpeechOptions {
  /** Unsigned 32-bit; drawn at random when absent. */
  seed?: number
  vocoder?: VocoderKind
  /** Speaking rate, .25-4, 1 = as the voice was recorded. */
  speed?: number
  /** Stops the stream within one chunk: the iterator throws the signal's reason. */
  signal?: AbortSignal
  /** Prepares all sentences first, so that the length is known before the first sample. */
  measure?: boolean
  /** Index of the first sentence, for streams that go on after an interruption. */
  firstSentence?: number
  scheduler?: Scheduler
  /** Told of the seconds that each stage of each sentence took; those of ONNX models count from call to answer. */
  onStage?: (stage: Stage, seconds: number) => void
}

interface Prepared {
  readonly sentence: Sentence
  readonly frames: Frames
  readonly lead: number
  readonly tail: number
  /** Words with times in frames from the sentence's first kept frame. */
  readonly words: readonly (PhonemizedWord & { fromFrame: number; toFrame: number })[]
}

/** Frames handed to the vocoder at a time: the first sample comes after little work, later calls are few. */
const PUSHES = [6, 8, 16, 32]
/** The next sentence is prepared when no more than this much of the current one is to be given out. */
const LOOK_AHEAD_SAMPLES = SAMPLE_RATE

export class Synthesizer {
  readonly voice: string
  readonly defaultVocoder: VocoderKind
  readonly #parts: SynthesizerParts
  readonly #pauses: Pauses
  readonly #vocoders = new Map<VocoderKind, Promise<Vocoder>>()

  constructor(parts: SynthesizerParts) {
    this.#parts = parts
    this.voice = parts.voice
    this.defaultVocoder = parts.defaultVocoder
    this.#pauses = parts.pauses ?? DEFAULT_PAUSES
  }

  /** Speaks a whole text. Throws INPUT_EMPTY when nothing in it can be spoken, VOICE_* when the vocoder cannot be opened. */
  async *stream(text: string, options: SpeechOptions = {}): AsyncGenerator<Chunk, void, undefined> {
    let spoken = false
    for await (const chunk of this.speak(sentencesOf(text), options)) {
      spoken = true
      yield chunk
    }
    if (!spoken) throw new SparsewaveError('INPUT_EMPTY', 'The text has nothing in it that can be spoken.')
  }

  /** Speaks sentences as they come. Marks come out, in their place, as empty chunks. */
  async *speak(
    sentences: Iterable<Sentence | Mark> | AsyncIterable<Sentence | Mark>,
    options: SpeechOptions = {},
  ): AsyncGenerator<Chunk, void, undefined> {
    const { signal } = options
    const seed = options.seed ?? randomSeed()
    const speed = options.speed ?? 1
    const vocoder = await this.vocoder(options.vocoder ?? this.defaultVocoder)
    const source = this.#prepareAll(sentences, speed, options)
    const aborted = abortion(signal)
    let index = options.firstSentence ?? 0
    let position = 0
    let previousTail = 0
    let totalSamples: number | undefined
    try {
      let items: AsyncIterator<Prepared | Mark> = source
      if (options.measure) {
        const all = await Promise.race([collect(source), aborted.promise])
        totalSamples = measure(all, this.#pauses, speed)
        items = replay(all)
      }
      let ahead = items.next()
      for (;;) {
        const { value: item, done } = await Promise.race([ahead, aborted.promise])
        if (done) return
        if ('mark' in item) {
          yield { samples: new Float32Array(0), mark: item.mark }
          ahead = items.next()
          continue
        }
        const pause = pauseSamples(item.sentence.pause, this.#pauses, speed, previousTail, item.lead)
        const times = sentenceTimes(item, index, position + pause)
        if (pause > 0) yield { samples: new Float32Array(pause) }
        let first = true
        let next: typeof ahead | undefined
        let left = item.frames.count * HOP
        for await (const samples of this.#vocode(vocoder, item.frames, sentenceSeed(seed, index), options)) {
          yield {
            samples,
            ...(first && { sentence: times }),
            ...(totalSamples !== undefined && { totalSamples }),
          }
          first = false
          totalSamples = undefined
          left -= samples.length
          if (next === undefined && left <= LOOK_AHEAD_SAMPLES) next = quiet(items.next())
        }
        position += pause + item.frames.count * HOP
        previousTail = item.tail
        index++
        ahead = next ?? quiet(items.next())
      }
    } finally {
      aborted.dispose()
      // Not awaited: a source that waits for more text would never return.
      void source.return(undefined).catch(() => {})
    }
  }

  /** The vocoder of that kind, opened once. */
  vocoder(kind: VocoderKind): Promise<Vocoder> {
    let opened = this.#vocoders.get(kind)
    if (opened === undefined) {
      opened = this.#parts.openVocoder(kind)
      this.#vocoders.set(kind, opened)
      opened.catch(() => this.#vocoders.delete(kind))
    }
    return opened
  }

  /** Frees the vocoders and the acoustic model. Streams must have ended. */
  async close(): Promise<void> {
    for (const opened of this.#vocoders.values()) (await opened).close()
    this.#vocoders.clear()
    await this.#parts.close?.()
  }

  async *#prepareAll(
    sentences: Iterable<Sentence | Mark> | AsyncIterable<Sentence | Mark>,
    speed: number,
    options: SpeechOptions,
  ): AsyncGenerator<Prepared | Mark, void, undefined> {
    let pause: PauseKind | undefined
    for await (const item of sentences) {
      if ('mark' in item) {
        pause = undefined
        yield item
        continue
      }
      const prepared = await this.#prepare(item, speed, options)
      // A sentence that cannot be spoken hands its pause on to the next one.
      pause = pause === undefined || pause === 'sentence' ? item.pause : pause
      if (prepared === undefined) continue
      yield { ...prepared, sentence: { ...item, pause } }
      pause = 'sentence'
    }
  }

  async #prepare(sentence: Sentence, speed: number, options: SpeechOptions): Promise<Prepared | undefined> {
    const started = performance.now()
    const { phonemes, words } = this.#parts.phonemize(sentence.text)
    options.onStage?.('text', (performance.now() - started) / 1000)
    if (!/\p{L}/u.test(phonemes)) return undefined
    const predict = async () => {
      options.signal?.throwIfAborted()
      const predicting = performance.now()
      const prediction = await this.#parts.predict(phonemes, { rate: speed })
      options.onStage?.('acoustic', (performance.now() - predicting) / 1000)
      return prediction
    }
    const { scheduler } = options
    const { frames, durations, phonemes: used } = await (scheduler ? scheduler.acoustic(predict) : predict())
    const trimmed = trimSilence(frames, durations)
    const starts = symbolStarts(phonemes, used, durations)
    return {
      sentence,
      frames: trimmed.frames,
      lead: trimmed.lead,
      tail: trimmed.tail,
      words: words.map((word) => ({
        ...word,
        fromFrame: starts[word.phonemeStart]! - trimmed.cut,
        toFrame: starts[word.phonemeEnd]! - trimmed.cut,
      })),
    }
  }

  async *#vocode(vocoder: Vocoder, frames: Frames, seed: number, options: SpeechOptions): AsyncGenerator<Float32Array> {
    const { signal, scheduler, onStage } = options
    const total = frames.count * HOP
    const stream = vocoder.open({ seed })
    let conditioning = 0
    let generating = 0
    let at = 0
    try {
      for (let pushed = 0, k = 0; at < total; k++) {
        const size = Math.min(PUSHES[Math.min(k, PUSHES.length - 1)]!, frames.count - pushed)
        const samples = new Float32Array(Math.min((pushed + size) * HOP, total) - at)
        const work = async (): Promise<number> => {
          signal?.throwIfAborted()
          const pushing = performance.now()
          if (size > 0) await stream.push(sliceFrames(frames, pushed, pushed + size))
          if (pushed + size === frames.count) await stream.end()
          const reading = performance.now()
          const made = await stream.readTogether(samples)
          conditioning += reading - pushing
          generating += performance.now() - reading
          return made
        }
        const made = await (scheduler ? scheduler.turn(work) : work())
        pushed += size
        if (made === 0 && pushed === frames.count)
          throw new SparsewaveError(
            'SYNTHESIS_FAILED',
            `The vocoder ${vocoder.kind} ended ${total - at} samples early.`,
          )
        if (made === 0) continue
        const chunk = samples.subarray(0, made)
        fadeEnds(chunk, at, total)
        at += made
        yield chunk
      }
    } finally {
      stream.close()
      onStage?.('conditioning', conditioning / 1000)
      onStage?.('vocoder', generating / 1000)
    }
  }
}

/**
 * Frame at which each symbol of `phonemes` starts, and where the last one ends: [symbols + 1]. `used` are the symbols
 * that `durations` are of, between the silence before and after; the others take no time.
 */
function symbolStarts(phonemes: string, used: string, durations: Int32Array): Int32Array {
  const starts = new Int32Array(phonemes.length + 1)
  let frame = durations[0]!
  let j = 0
  for (let i = 0; i < phonemes.length; i++) {
    starts[i] = frame
    if (phonemes[i] === used[j]) frame += durations[++j]!
  }
  starts[phonemes.length] = frame
  return starts
}

function sentenceTimes({ sentence, frames, words }: Prepared, index: number, startSample: number): SentenceTime {
  const seconds = (frame: number): number => (startSample + frame * HOP) / SAMPLE_RATE
  return {
    index,
    text: sentence.text,
    start: sentence.start,
    end: sentence.end,
    from: seconds(0),
    to: seconds(frames.count),
    words: words.map((word) => ({
      text: word.text,
      start: sentence.start + word.start,
      end: sentence.start + word.end,
      from: seconds(word.fromFrame),
      to: seconds(word.toFrame),
    })),
  }
}

function measure(items: readonly (Prepared | Mark)[], pauses: Pauses, speed: number): number {
  let total = 0
  let tail = 0
  for (const item of items) {
    if ('mark' in item) continue
    total += pauseSamples(item.sentence.pause, pauses, speed, tail, item.lead) + item.frames.count * HOP
    tail = item.tail
  }
  return total
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* replay<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items
}

/** Marks a promise's failure as seen: it is awaited later. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** A promise that rejects when the signal fires. */
function abortion(signal: AbortSignal | undefined): { promise: Promise<never>; dispose: () => void } {
  let dispose = (): void => {}
  const promise = new Promise<never>((_, reject) => {
    if (signal === undefined) return
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    dispose = () => signal.removeEventListener('abort', abort)
  })
  return { promise: quiet(promise), dispose }
}
