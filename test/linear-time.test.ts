/**
 * Text takes time in proportion to its length, whatever it is. Each function is fed an input and one 16 times as long:
 * linear time is 16 times as much, quadratic time 256 times. The limit of 64 is far from both, so a busy machine does not
 * decide.
 */
import { expect, test } from 'vitest'
import { LiveText, looksLikeSsml, SsmlError, ssmlSentences } from '../src/synthesis/index.ts'
import { normalize, parsePhonemes, phonemize, RequestLexicon, splitSentences } from '../src/text/index.ts'
import { clean } from '../src/text/languages/en/clean.ts'
import { withoutMarkup } from '../src/text/languages/en/markup.ts'
import { unreadable } from '../src/text/languages/en/scripts.ts'
import { languageFor } from '../src/text/languages/index.ts'

/** What texts are repeated from, each once found to be slow somewhere or of a kind that is. */
const UNITS: Readonly<Record<string, string>> = {
  blanks: ' ',
  tabs: '\t ',
  'line breaks': '\n',
  'breaks and blanks': '\n \r\n\u2028',
  'full stops': '.',
  'quotes after a stop': '."',
  brackets: ')]"',
  'dashes between blanks': ' -',
  letters: 'a',
  'letters apart': 'a ',
  initials: 'A.',
  digits: '7',
  'grouped digits': '1,234,',
  'digits and dashes': '1-',
  signs: '≠',
  'combining marks': 'e\u0301',
  'unknown words': 'xqzv ',
  'a long compound': 'ab-',
  'camel case': 'aB',
  apostrophes: "'",
  'address pieces': 'a.b@',
  'opening tags': '<',
  entities: '&amp;',
  'Roman numerals': 'XIV ',
  'short lines': 'a\n',
  abbreviations: 'Mr. ',
  'sentences of a word': 'One. ',
  links: '[a](',
  'emphasis without end': '**a',
  'bars of tables': '|a',
  'thousands with spaces': '1 000 ',
  'ranges of money': '$5-',
  'superscript digits': '10⁻',
  'another script': '你 ',
  'amounts of money': '1.000,5 € ',
  'elided words': "l'a'",
  'accents and stops': 'é. ',
  'hosts and dates': '1.1.1/',
}

const SLICE = 2
const live = (text: string): void => {
  const speech = new LiveText({ early: true })
  for (let at = 0; at < text.length; at += SLICE) speech.push(text.slice(at, at + SLICE))
  speech.end()
}

const phrase = Object.fromEntries(
  Array.from({ length: 256 }, (_, i) => [`${'a '.repeat(28)}${String.fromCharCode(97 + (i % 26))}${i}`, 'tˈɑ']),
)
const lexicon = new RequestLexicon({ ...phrase, ab: 'tˈɑ' })
const refused = (work: () => unknown): void => {
  try {
    work()
  } catch (error) {
    if (!(error instanceof SsmlError) && (error as { code?: string }).code !== 'REQUEST_INVALID') throw error
  }
}

const FUNCTIONS: Readonly<Record<string, { size: number; run(text: string): void }>> = {
  splitSentences: { size: 2000, run: (text) => void splitSentences(text) },
  'live text, piece by piece': { size: 1000, run: live },
  withoutMarkup: { size: 4000, run: (text) => void withoutMarkup(text) },
  unreadable: { size: 4000, run: (text) => void unreadable(text) },
  clean: { size: 2000, run: (text) => void clean(text) },
  normalize: { size: 500, run: (text) => void normalize(text) },
  phonemize: { size: 250, run: (text) => void phonemize(text) },
  'Spanish sentences': { size: 2000, run: (text) => void languageFor('es').splitSentences(text) },
  'Spanish phonemes': { size: 120, run: (text) => void languageFor('es').phonemize(text) },
  'Italian phonemes': { size: 120, run: (text) => void languageFor('it').phonemize(text) },
  'a lexicon of phrases': { size: 1000, run: (text) => void lexicon.find(text) },
  parsePhonemes: { size: 1000, run: (text) => refused(() => parsePhonemes(text, 'ipa')) },
  looksLikeSsml: { size: 8000, run: (text) => void looksLikeSsml(`<?xml ${text}`) },
  ssmlSentences: { size: 500, run: (text) => refused(() => ssmlSentences(`<speak>${text}</speak>`)) },
}

/** CPU time of this process, ms: what other processes do at the same time does not count. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The least CPU time of some tries, ms. */
function milliseconds(run: () => void, tries: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < tries; i++) {
    const started = cpu()
    run()
    best = Math.min(best, cpu() - started)
  }
  return best
}

test.each(Object.entries(FUNCTIONS))(
  '%s',
  (_, { size, run }) => {
    const slow: string[] = []
    for (const [name, unit] of Object.entries(UNITS)) {
      const text = (length: number): string => unit.repeat(Math.ceil(length / unit.length))
      const short = text(size)
      const long = text(16 * size)
      run(short)
      let growth = 0
      // A second look at what seems slow: the machine may have been busy.
      for (let look = 0; look < 3; look++) {
        // Work of less than a tenth of a millisecond says nothing.
        growth =
          milliseconds(() => run(long), 2) /
          Math.max(
            0.1,
            milliseconds(() => run(short), 4),
          )
        if (growth < 64) break
      }
      if (growth >= 64) slow.push(`${name}: ${growth.toFixed(0)} times as long`)
    }
    expect(slow).toEqual([])
  },
  60_000,
)

test('65,000 blanks are read at once, also when they come one by one', () => {
  const text = `One.${' '.repeat(65_000)}Two.`
  const started = cpu()
  expect(splitSentences(text).map((sentence) => sentence.text)).toEqual(['One.', 'Two.'])
  const speech = new LiveText()
  for (const character of text) speech.push(character)
  speech.end()
  // It was 7.6 seconds for the first and 85 for the second.
  expect(cpu() - started).toBeLessThan(4000)
})
