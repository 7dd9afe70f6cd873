import { expect, test } from 'vitest'
import type { SparsewaveError } from '../errors.ts'
import { parsePhonemes } from './given.ts'
import { phonemize } from './languages/en/phonemize.ts'
import { RequestLexicon } from './request-lexicon.ts'

const speak = (text: string, lexicon: Record<string, string>): string =>
  phonemize(text, new RequestLexicon(lexicon).find(text)).phonemes

test.each([
  ['ˈnuːtrinoʊ', 'nˈutɹinO'],
  ['/təˈmeɪɾoʊ/', 'təmˈATO'],
  ['tʃɪˈkɑːɡoʊ', 'ʧɪkˈɑɡO'],
  ['ˈwɜrld', 'wˈɜɹld'],
  ['bɝd', 'bɜɹd'],
  ['d͡ʒəˈpæn', 'ʤəpˈæn'],
  ['ˈbʌt.n̩', 'bˈʌtᵊn'],
])('IPA %s is %s in the symbols of voices', (ipa, phonemes) => {
  expect(parsePhonemes(ipa, 'ipa')).toBe(phonemes)
})

test.each([
  ['hɛˈlO', 'stress mark'],
  ['hɛlO9', '"9"'],
  ['ɥə', '"ɥ"'],
  ['', 'no sound'],
  ['kˈ', 'stress mark'],
  ['a,b', '"a"'],
])('phonemes %s are refused and the fault is named', (written, why) => {
  expect(() => parsePhonemes(written)).toThrowError(expect.objectContaining({ code: 'REQUEST_INVALID' }))
  try {
    parsePhonemes(written)
  } catch (error) {
    expect((error as SparsewaveError).message).toContain(why)
    expect((error as SparsewaveError).remedy).toContain('ˈ')
  }
})

test('a lexicon goes before the dictionary, whatever the capitals, and only for whole words', () => {
  expect(speak('The cat sat.', { cat: 'dˈɔɡ' })).toBe('ðə dˈɔɡ sˈæt.')
  expect(speak('Cat scatter.', { cat: 'dˈɔɡ' })).toBe(`dˈɔɡ ${phonemize('scatter.').phonemes}`)
  expect(speak('Polish polish', { Polish: 'pˈOlɪʃ', polish: 'pˈɑlɪʃ' })).toBe('pˈOlɪʃ pˈɑlɪʃ')
})

test('the longest entry counts, also of several words and with signs', () => {
  const lexicon = { York: 'jˈɔɹk', 'New York': 'nˈuj', 'C++': 'sˈipˈi', "O'Brien": 'bɹˈin' }
  expect(speak('New  York, York.', lexicon)).toBe('nˈuj, jˈɔɹk.')
  expect(speak('I use C++ at O’Brien’s.', lexicon)).toBe(
    `${phonemize('I use it').phonemes.split(' ').slice(0, 2).join(' ')} sˈipˈi ˈæt bɹˈinz.`.replace(
      'ˈæt',
      speak('at O’Brien', lexicon).split(' ')[0]!,
    ),
  )
})

test('IPA stands between slashes, and a possessive keeps its ending', () => {
  expect(speak("Siobhan's here.", { Siobhan: '/ʃɪˈvɔːn/' })).toContain('ʃɪvˈɔnz ')
  expect(speak("Joss's", { Joss: 'ʤˈɔs' })).toBe('ʤˈɔsᵻz')
})

test('words know their characters when their sounds are given', () => {
  const text = 'See $5 and cats now.'
  const { words, phonemes } = phonemize(text, new RequestLexicon({ cats: 'dˈɔɡz' }).find(text))
  expect(words.map(({ start, end }) => text.slice(start, end))).toEqual(['See', '$5', 'and', 'cats', 'now'])
  const cats = words[3]!
  expect(phonemes.slice(cats.phonemeStart, cats.phonemeEnd)).toBe('dˈɔɡz')
})

test('the article before a given sound fits it', () => {
  expect(speak('The cat', { cat: 'ˈæpəl' })).toBe('ði ˈæpəl')
})

test('emphasis changes stress alone', () => {
  expect(phonemize('We can go', [{ start: 3, end: 6, emphasis: 'strong' }]).phonemes).toContain('kˈæn')
  const plain = phonemize('We go').phonemes
  expect(phonemize('We go', [{ start: 3, end: 5, emphasis: 'reduced' }]).phonemes).toBe(plain.replace('ɡˈO', 'ɡˌO'))
})
