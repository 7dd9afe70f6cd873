/** Phonemes: closed symbol set, the corpus's conventions, offsets, and any input at all. */
import { describe, expect, test } from 'vitest'
import { PHONEMES } from '../../phonemes.ts'
import { normalize } from './normalize.ts'
import { phonemize } from './phonemize.ts'
import { splitSentences } from './sentences.ts'

const said = (text: string): string => phonemize(text).phonemes
const known = new Set(PHONEMES)

test('the symbols and their order never change', () => {
  expect(PHONEMES).toBe(' ,.;:!?—()“”ˈˌbdfhjklmnpstvwzðŋɡɹʃʒθʤʧTAIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ')
  expect(known.size).toBe(PHONEMES.length)
})

describe('words sound as in the corpus', () => {
  test.each([
    ['parallel to the prison wall,', 'pˈɛɹəlˌɛl tə ðə pɹˈɪzᵊn wˈɔl,'],
    ['the apple and the pear', 'ði ˈæpᵊl ænd ðə pˈɛɹ'],
    ['a cat, an owl', 'ɐ kˈæt, ɐn ˈWl'],
    ['to eat, to go, to.', 'tʊ ˈit, tə ɡˌO, tu.'],
    ['He came in.', 'hˌi kˈAm ˈɪn.'],
    ['Guy’s carts wanted painting', 'ɡˈIz kˈɑɹts wˈɑntᵻd pˈAntɪŋ'],
    ['the FBI and the U.S.', 'ði ˌɛfbˌiˈI ænd ðə jˌuˈɛs.'],
    ['boxes, horses, cats, dogs', 'bˈɑksᵻz, hˈɔɹsᵻz, kˈæts, dˈɔɡz'],
    ['(well)', '(wˈɛl)'],
    ['One, two; three: go!', 'wˈʌn, tˈu; θɹˈi: ɡˌO!'],
  ])('%j', (text, phonemes) => {
    expect(said(text)).toBe(phonemes)
  })
})

describe('homographs follow their neighbours', () => {
  test.each([
    ['the record', 'ɹˈɛkəɹd', 'to record', 'ɹəkˈɔɹd'],
    ['the present', 'pɹˈɛzᵊnt', 'to present', 'pɹizˈɛnt'],
    ['I will read', 'ɹˈid', 'I have read', 'ɹˈɛd'],
    ['they live here', 'lˈɪv', 'live music', 'lˈIv'],
    ['a use of it', 'jˈus', 'we use it', 'jˈuz'],
    ['close the door', 'klˈOz', 'so close to it', 'klˈOs'],
    ['it is used to make tea', 'jˈuzd', 'I used to make tea', 'jˈust'],
    ['the wind', 'wˈɪnd', 'to wind', 'wˈInd'],
  ])('%s: %s; %s: %s', (one, sound, other, otherSound) => {
    expect(said(one)).toContain(sound)
    expect(said(other)).toContain(otherSound)
  })
})

test('words that no dictionary lists are spoken', () => {
  for (const word of [
    'xylophonically',
    'Schwarzenegger',
    'blorptastic',
    'zzyzx',
    'brrr',
    'Wrocław',
    'ngx',
    "o'",
    'aaaaaaaaaa',
  ]) {
    expect(said(word), word).toMatch(/[AIOWYiuæɑɔəɛɜɪʊʌᵊ]/)
  }
  expect(said('unfriendliness')).toBe('ˌʌnfɹˈɛndlinəs')
})

test('symbols alone give nothing', () => {
  for (const text of ['', ' ', '...', '?!', '—', '😀😀', '*', '\n', '“”', "'"]) {
    expect(phonemize(text), text).toEqual({ phonemes: '', words: [] })
  }
})

test('pauses are single marks', () => {
  expect(said('Oh... well!!! No?!')).toBe('ˈO. wˈɛl! nˈO?')
  expect(said(', then, , go')).toBe('ðˈɛn, ɡˌO')
})

function checkWords(text: string): void {
  const { phonemes, words } = phonemize(text)
  let [at, symbol] = [0, 0]
  for (const word of words) {
    expect(word.text).toBe(text.slice(word.start, word.end))
    expect(word.start).toBeGreaterThanOrEqual(at)
    expect(word.end).toBeGreaterThan(word.start)
    expect(word.phonemeStart).toBeGreaterThanOrEqual(symbol)
    expect(word.phonemeEnd).toBeGreaterThan(word.phonemeStart)
    at = word.end
    symbol = word.phonemeEnd
  }
  expect(at).toBeLessThanOrEqual(text.length)
  expect(symbol).toBeLessThanOrEqual(phonemes.length)
}

test('words know their characters and their symbols', () => {
  const text = 'Dr. Lee paid $5.50, twice.'
  const { phonemes, words } = phonemize(text)
  expect(words.map((word) => [word.text, phonemes.slice(word.phonemeStart, word.phonemeEnd)])).toEqual([
    ['Dr.', 'dˈɑktəɹ'],
    ['Lee', 'lˈi'],
    ['paid', 'pˈAd'],
    ['$5.50', 'fˈIv dˈɑləɹz ænd fˈɪfti sˈɛnts'],
    ['twice', 'twˈIs'],
  ])
  checkWords(text)
  checkWords('The AT&T CEO’s e-mail (joe@x.org) said: “Buy 1½ lbs. of T-shirts!”')
})

/** Mulberry32. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const FRAGMENTS =
  "a I the $ € 5 1,000 .5 3/4 12:30 pm p.m. - – — -- ' \" “ ” ( ) @ # & x.com http:// U.S. Dr. IV XII 's n't 5km °C % + = / \\ \n \t é ß Ж 你 😀 \ud83d \u200d \u0301 McX ABC aBc ... ?! No. v1.2 --5 1st 90s '90s".split(
    ' ',
  )

test('any input gives known symbols and sound offsets', () => {
  const next = random(7)
  for (let round = 0; round < 400; round++) {
    let text = ''
    const length = Math.floor(next() * 30)
    for (let i = 0; i < length; i++) {
      const kind = next()
      if (kind < 0.5) text += FRAGMENTS[Math.floor(next() * FRAGMENTS.length)]
      else if (kind < 0.7) text += String.fromCharCode(32 + Math.floor(next() * 95))
      else if (kind < 0.8) text += String.fromCharCode(Math.floor(next() * 0x10000))
      else if (kind < 0.9) text += String.fromCodePoint(Math.floor(next() * 0x110000))
      else text += ' '
    }
    const { phonemes } = phonemize(text)
    for (const symbol of phonemes) expect(known.has(symbol), JSON.stringify(text)).toBe(true)
    expect(phonemes, JSON.stringify(text)).toBe(phonemes.trim())
    expect(phonemes).not.toMatch(/ {2}/)
    checkWords(text)
    for (const { start, end, text: sentence } of splitSentences(text)) expect(sentence).toBe(text.slice(start, end))
  }
})

// Quadratic work on any of these would run into the time limit.
test.each([
  'a',
  '1',
  '1,',
  '1.',
  '1-',
  'a.',
  'a@',
  'a-',
  '-',
  '.',
  "'",
  '"',
  '(',
  'A',
  '$',
  '1/',
  '1:',
  'a b ',
  'M',
  'http://',
  '\u0301',
  '+1 ',
  'é',
  'aB',
])(
  '%j repeated to sixty thousand characters is worked through',
  (unit) => {
    const text = unit.repeat(60_000 / unit.length)
    expect(splitSentences(text).length).toBeGreaterThan(0)
    expect(normalize(text).every((token) => token.end <= text.length)).toBe(true)
    expect(phonemize(text).phonemes.length).toBeLessThan(100 * text.length)
  },
  10_000,
)

test('a sentence of many unknown words is read to its first word, the last ones as they are alone', () => {
  const words = Array.from(
    { length: 30 },
    (_, i) => `${'bcdfg'[i % 5]}${'aeiou'[i % 4]}${'lmnrst'[i % 6]}${'ob ag ix up el ov ys'.split(' ')[i % 7]}z`,
  )
  const { phonemes, words: read } = phonemize(words.join(' '))
  expect(read).toHaveLength(words.length)
  for (const { phonemeStart, phonemeEnd } of read) expect(phonemes.slice(phonemeStart, phonemeEnd)).toMatch(/[ˈˌ]/)
  const last = read.at(-1)!
  expect(phonemes.slice(last.phonemeStart, last.phonemeEnd)).toBe(phonemize(words.at(-1)!).phonemes)
})
