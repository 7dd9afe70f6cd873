/** How a text is read, without speaking it: sentences, words, phonemes and where each sound comes from. */
import type { Language, Unreadable, WordSource } from './language.ts'
import { DEFAULT_LANGUAGE } from './languages/index.ts'
import { RequestLexicon } from './request-lexicon.ts'

/** One sentence as it is read. Positions are characters of the text. */
export interface SentenceReading {
  readonly text: string
  readonly start: number
  readonly end: number
  /** In words. */
  readonly said: string
  readonly phonemes: string
  readonly words: readonly {
    readonly text: string
    readonly start: number
    readonly end: number
    readonly phonemes: string
    readonly source?: WordSource
  }[]
}

/** How a text is read, and what of it is not. */
export interface TextReading {
  readonly sentences: SentenceReading[]
  readonly unreadable: Unreadable[]
}

/** The sentences of a text as they are read, one at a time. */
export function* readSentences(
  text: string,
  language: Language = DEFAULT_LANGUAGE,
  lexicon: RequestLexicon = new RequestLexicon({}),
): Generator<SentenceReading> {
  for (const sentence of language.splitSentences(text)) {
    const { phonemes, words } = language.phonemize(sentence.text, lexicon.find(sentence.text))
    yield {
      ...sentence,
      said: language.spokenText(sentence.text),
      phonemes,
      words: words.map((word) => ({
        text: word.text,
        start: sentence.start + word.start,
        end: sentence.start + word.end,
        phonemes: phonemes.slice(word.phonemeStart, word.phonemeEnd),
        ...(word.source !== undefined && { source: word.source }),
      })),
    }
  }
}

/** How a whole text is read. */
export const readText = (
  text: string,
  language: Language = DEFAULT_LANGUAGE,
  lexicon?: RequestLexicon,
): TextReading => ({
  sentences: [...readSentences(text, language, lexicon)],
  unreadable: language.unreadable(text),
})

/** The scripts of what is not read, each once. */
export const scriptsOf = (unreadable: readonly Unreadable[]): string[] => [
  ...new Set(unreadable.map(({ script }) => script)),
]

/** A sentence for people about what is not read. */
export const unreadableMessage = (unreadable: readonly Unreadable[], language: Language): string =>
  `${scriptsOf(unreadable).join(', ')} script is not read: the voice speaks ${language.name}.`
