/** English: one front end, with the dictionary and symbols of a region. */
import type { Language } from '../../language.ts'
import { BRITISH_SYMBOLS, PHONEMES } from '../../phonemes.ts'
import { lexicon } from './lexicon.ts'
import { normalize, spokenText } from './normalize.ts'
import { cardinal, ordinal, spellDigits } from './numbers.ts'
import { phonemize } from './phonemize.ts'
import { Pronouncer } from './pronounce.ts'
import { unreadable } from './scripts.ts'
import { splitSentences } from './sentences.ts'

const REGIONS = {
  'en-US': { name: 'American English', dictionary: 'en-us.lexicon', symbols: PHONEMES },
  'en-GB': { name: 'British English', dictionary: 'en-gb.lexicon', symbols: PHONEMES + BRITISH_SYMBOLS },
} as const

/** English of a region. Nothing is read before the first sentence. */
export function english(tag: keyof typeof REGIONS): Language {
  const { name, dictionary, symbols } = REGIONS[tag]
  let opened: Pronouncer | undefined
  const pronouncer = (): Pronouncer => {
    // Only American readings of homographs are known to the classifier.
    opened ??= new Pronouncer(lexicon(dictionary), { classify: tag === 'en-US' })
    return opened
  }
  return {
    tag,
    name,
    folder: 'en',
    data: [dictionary, 'en-us.g2p', 'en.homographs'],
    symbols,
    splitSentences,
    spokenText: (sentence) => spokenText(normalize(sentence, pronouncer().dictionary)),
    phonemize: (sentence, given) => phonemize(sentence, given, pronouncer()),
    unreadable,
    spell: (letters) => pronouncer().spell(letters),
    cardinal,
    ordinal,
    spellDigits,
  }
}
