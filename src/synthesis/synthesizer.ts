/**
 * Text to a stream of samples: sentences -> phonemes -> frames -> samples, one sentence at a time, the next one's
 * frames made while this one is spoken. The samples depend on the voice, the vocoder, the text, the speed and the
 * seed alone, never on timing or on how the stream is read.
 */
import type { Prediction } from '../acoustic/index.ts'
import { SparsewaveError } from '../errors.ts'
import { type Frames, HOP, SAMPLE_RATE, sliceFrames } from '../frames.ts'
import { DEFAULT_LANGUAGE, type GivenSound, type Language, type Phonemized, RequestLexicon } from '../text/index.ts'
import type { Vocoder, VocoderKind } from '../vocoder/vocoder.ts'
import type { Mixture } from '../voices/mixture.ts'
import { cutByPhonemes } from './parts.ts'
import { randomSeed, sentenceSeed } from './seed.ts'
import { type Mark, type PauseKind, type Sentence, sentencesOf } from './sentences.ts'
import { DEFAULT_PAUSES, fadeEnds, type Pauses, pauseSamples, trimSilence } from './silence.ts'
import { ssmlSentences } from './ssml/index.ts'
import { type SentenceTime, type Spoken, sentenceTimes, symbolStarts } from './times.ts'

/** What the synthesizer needs of its parts; `loadParts` (load.ts) makes them from a voice package. */
export interface SynthesizerParts {
  readonly voice: string
  readonly defaultVocoder: VocoderKind
  readonly pauses?: Pauses
  /** What parts texts into sentences; American English when absent. */
  readonly language?: Language
  phonemize(text: string, given: readonly GivenSound[]): Phonemized
  /** Frames of the phonemes. A symbol that the model does not know may be left out of what it answers. */
  predict(
    phonemes: string,
    options: { rate: number; pitch: number; mixture?: Mixture | undefined },
  ): Promise<Prediction>
  openVocoder(kind: VocoderKind): Promise<Vocoder>
  close?(): Promise<void> | void
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
  /** Runs the acoustic model on so many symbols when it is the stream's turn to. */
  acoustic<T>(symbols: number, work: () => Promise<T>): Promise<T>
}

export interface SpeechOptions {
  /** Unsigned 32-bit; drawn at random when absent. */
  seed?: number
  vocoder?: VocoderKind
  /** Speaking rate, .25-4, 1 = as the voice was recorded. */
  speed?: number
  /** Factor on the pitch, .5-2. */
  pitch?: number
  /** Voices of the package to speak as instead of its own, with their shares. */
  mixture?: Mixture | undefined
  /** Words and their phonemes, which go before the dictionary's. */
  lexicon?: Readonly<Record<string, string>>
  /** The text is SSML (`stream` only). */
  ssml?: boolean
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
  readonly spoken: Spoken
}

/** What voices can do; a request's speed and an SSML document's together stay within it. */
const MIN_RATE = 0.25
const MAX_RATE = 4
const MIN_PITCH = 0.5
const MAX_PITCH = 2
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

/** A stream of more frames than these, five minutes, starts without being measured. */
const MAX_MEASURED_FRAMES = 60_000

/** Frames that are handled without a pause for others on the thread, about 3 ms of work. */
const LONG_FRAMES = 8000
/** Resolves when the thread has handled what waits; browsers have no setImmediate. */
const soon = (): Promise<void> =>
  new Promise((resolve) => void (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve, 0)))

/** The next sentence is prepared when no more than this much of the current one is to be given out. */
const LOOK_AHEAD_SAMPLES = SAMPLE_RATE

export class Synthesizer {
  readonly voice: string
  readonly defaultVocoder: VocoderKind
  readonly language: Language
  readonly #parts: SynthesizerParts
  readonly #pauses: Pauses
  readonly #vocoders = new Map<VocoderKind, Promise<Vocoder>>()

  constructor(parts: SynthesizerParts) {
    this.#parts = parts
    this.voice = parts.voice
    this.defaultVocoder = parts.defaultVocoder
    this.#pauses = parts.pauses ?? DEFAULT_PAUSES
    this.language = parts.language ?? DEFAULT_LANGUAGE
  }

  /**
   * Speaks a whole text, or the sentences of one. Where nothing in it is spoken, such as marks and emoji, it is a pause.
   * Throws INPUT_EMPTY when there is no text, VOICE_* when the vocoder cannot be opened, SsmlError.
   */
  async *stream(
    text: string | readonly Sentence[],
    options: SpeechOptions = {},
  ): AsyncGenerator<Chunk, void, undefined> {
    let spoken = false
    const { language } = this
    const sentences =
      typeof text !== 'string' ? text : options.ssml ? ssmlSentences(text, language) : sentencesOf(text, language)
    for await (const chunk of this.speak(sentences, options)) {
      spoken = true
      yield chunk
    }
    if (spoken) return
    const isEmpty = typeof text === 'string' && !options.ssml ? text.trim() === '' : [...sentences].length === 0
    if (isEmpty) throw new SparsewaveError('INPUT_EMPTY', 'There is no text to speak.')
    yield this.silence()
  }

  /** What is given out for a text that has nothing to say: the pause between two sentences. */
  silence(): Chunk {
    const samples = new Float32Array(Math.round(this.#pauses.sentence * SAMPLE_RATE))
    return { samples, totalSamples: samples.length }
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
    const lexicon = new RequestLexicon(options.lexicon ?? {})
    const source = this.#prepareAll(sentences, speed, lexicon, options)
    const aborted = abortion(signal)
    let index = options.firstSentence ?? 0
    let position = 0
    let previousTail = 0
    let totalSamples: number | undefined
    try {
      let items: AsyncIterator<Prepared | Mark> = source
      if (options.measure) {
        const { all, isWhole } = await Promise.race([collect(source), aborted.promise])
        if (isWhole) totalSamples = measure(all, this.#pauses, speed)
        items = replay(all, source)
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
        const times = sentenceTimes(item.sentence, item.spoken, index, position + pause, item.frames.count)
        if (pause > 0) yield { samples: new Float32Array(pause) }
        let first = true
        let next: typeof ahead | undefined
        let left = item.frames.count * HOP
        for await (const samples of this.#vocode(vocoder, item, sentenceSeed(seed, index), options)) {
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
    lexicon: RequestLexicon,
    options: SpeechOptions,
  ): AsyncGenerator<Prepared | Mark, void, undefined> {
    let pause: PauseKind | number | undefined
    for await (const item of sentences) {
      if ('mark' in item) {
        pause = undefined
        yield item
        continue
      }
      const started = performance.now()
      const given = [...(item.given ?? []), ...lexicon.find(item.text)]
      const parts = cutByPhonemes(item, this.#parts.phonemize(item.text, given))
      options.onStage?.('text', (performance.now() - started) / 1000)
      // A sentence that cannot be spoken hands its pause on to the next one.
      pause = pause === undefined || pause === 'sentence' ? item.pause : pause
      let isSpoken = false
      for (const part of parts) {
        if (!/\p{L}/u.test(part.phonemized.phonemes)) continue
        const own = { ...part.sentence, pause: isSpoken ? 'none' : pause } as const
        yield await this.#prepare(own, part.phonemized, speed, options)
        isSpoken = true
      }
      if (isSpoken) pause = 'sentence'
    }
  }

  async #prepare(
    sentence: Sentence,
    { phonemes, words }: Phonemized,
    speed: number,
    options: SpeechOptions,
  ): Promise<Prepared> {
    const { prosody } = sentence
    const predict = async () => {
      options.signal?.throwIfAborted()
      const predicting = performance.now()
      const prediction = await this.#parts.predict(phonemes, {
        rate: clamp(speed * (prosody?.rate ?? 1), MIN_RATE, MAX_RATE),
        pitch: clamp((options.pitch ?? 1) * (prosody?.pitch ?? 1), MIN_PITCH, MAX_PITCH),
        mixture: options.mixture,
      })
      options.onStage?.('acoustic', (performance.now() - predicting) / 1000)
      return prediction
    }
    const { scheduler } = options
    const {
      frames,
      durations,
      phonemes: used,
    } = await (scheduler ? scheduler.acoustic(phonemes.length, predict) : predict())
    // Slow speech of a long sentence is many frames: what is done to them is a piece of work of its own.
    if (frames.count > LONG_FRAMES) await soon()
    const trimmed = trimSilence(frames, durations)
    const starts = symbolStarts(phonemes, used, durations).map((frame) => frame - trimmed.cut)
    const { lead, tail } = trimmed
    return { sentence, frames: trimmed.frames, lead, tail, spoken: { phonemes, words, starts } }
  }

  async *#vocode(
    vocoder: Vocoder,
    { frames, sentence }: Prepared,
    seed: number,
    options: SpeechOptions,
  ): AsyncGenerator<Float32Array> {
    const volume = sentence.prosody?.volume ?? 1
    const { signal, scheduler, onStage } = options
    const total = frames.count * HOP
    const { pushes } = vocoder
    const stream = vocoder.open({ seed })
    let conditioning = 0
    let generating = 0
    let at = 0
    try {
      for (let pushed = 0, k = 0; at < total; k++) {
        const size = Math.min(pushes[Math.min(k, pushes.length - 1)]!, frames.count - pushed)
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
        if (volume !== 1) for (let i = 0; i < chunk.length; i++) chunk[i]! *= volume
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

/** All that comes of `items`, or what came first when that is more than is held in memory. */
async function collect(items: AsyncIterator<Prepared | Mark>): Promise<{ all: (Prepared | Mark)[]; isWhole: boolean }> {
  const all: (Prepared | Mark)[] = []
  for (let frames = 0; frames <= MAX_MEASURED_FRAMES; ) {
    const { value, done } = await items.next()
    if (done) return { all, isWhole: true }
    all.push(value)
    if ('frames' in value) frames += value.frames.count
  }
  return { all, isWhole: false }
}

async function* replay<T>(items: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items
  yield* rest
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
