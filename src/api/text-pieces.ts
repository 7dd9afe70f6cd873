/**
 * Speech of a text that arrives in pieces. The source is read ahead of the speech, so that a language model keeps
 * writing while its first sentence is spoken, up to a limit of unspoken text.
 */
import { SparsewaveError } from '../errors.ts'
import { LiveText, type Mark, type Sentence } from '../synthesis/sentences.ts'
import type { Chunk, Synthesizer } from '../synthesis/synthesizer.ts'
import type { Language } from '../text/index.ts'

/** Characters that may wait to be spoken before the source is left unread. */
const READ_AHEAD = 4000

/**
 * Speaks a text while it is being written. One without any word is a short silence.
 *
 * @throws SparsewaveError `INPUT_EMPTY` when no text has come. What `source` throws.
 */
export async function* speakPieces(
  synthesizer: Synthesizer,
  source: Iterable<string> | AsyncIterable<string>,
  options: Parameters<Synthesizer['speak']>[1],
): AsyncGenerator<Chunk, void, undefined> {
  const pieces = textPieces(source, synthesizer.language)
  let spoken = false
  try {
    for await (const chunk of synthesizer.speak(pieces.sentences, options)) {
      spoken ||= chunk.samples.length > 0
      yield chunk
    }
    if (spoken) return
    if (!pieces.hasText) throw emptyText()
    yield synthesizer.silence()
  } finally {
    pieces.stop()
  }
}

export const emptyText = (): SparsewaveError => new SparsewaveError('INPUT_EMPTY', 'There is no text to speak.')

interface TextPieces {
  /** Throws what the source throws, after everything before it has been given out. */
  readonly sentences: AsyncIterable<Sentence | Mark>
  /** Whether any character but white space has come. */
  readonly hasText: boolean
  /** Ends the source. Harmless when it has ended. */
  stop(): void
}

function textPieces(source: Iterable<string> | AsyncIterable<string>, language: Language): TextPieces {
  const live = new LiveText({ early: true, language })
  let hasText = false
  const pieces = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  let stopped = false
  let ended = false
  let spoken = (): void => {}

  async function readAll(): Promise<void> {
    try {
      while (!stopped) {
        const { value, done } = await pieces.next()
        if (done || stopped) break
        hasText ||= /\S/.test(value)
        live.push(value)
        if (live.waiting > READ_AHEAD)
          await new Promise<void>((resolve) => {
            spoken = resolve
          })
      }
    } catch (error) {
      failure = { error }
    }
    ended = true
    live.end()
  }

  async function* sentences(): AsyncGenerator<Sentence | Mark> {
    void readAll()
    for await (const item of live) {
      yield item
      if (live.waiting <= READ_AHEAD) spoken()
    }
    if (failure) throw failure.error
  }

  return {
    sentences: sentences(),
    get hasText() {
      return hasText
    },
    stop() {
      stopped = true
      spoken()
      if (ended) return
      // A source that waits for its own next piece ends only when that arrives.
      void Promise.resolve(pieces.return?.()).catch(() => {})
    },
  }
}
