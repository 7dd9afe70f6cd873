/** Names, accents and everyday homographs: the kinds that were once misread. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { languageFor } from '../index.ts'
import { phonemize } from './phonemize.ts'

const said = (text: string): string => phonemize(text).phonemes

describe('names', () => {
  test.each([
    ['Michelle', 'mɪʃˈɛl'],
    ['Ryan', 'ɹˈIən'],
    ['Sean', 'ʃˈɔn'],
    ['Chloe', 'klˈOi'],
    ['Sony', 'sˈOni'],
    ['Xbox', 'ˈɛksbˌɑks'],
    ['Mercedes', 'məɹsˈAdiz'],
    ['Beyoncé', 'biˈɑnsˌA'],
    ['Beyonce\u0301', 'biˈɑnsˌA'],
    ["Beyoncé's", 'biˈɑnsˌAz'],
    ['résumé', 'ɹˈɛzəmˌA'],
    ['jalapeño', 'hˌɑləpˈAnjO'],
  ])('%s', (name, phonemes) => {
    expect(said(name)).toBe(phonemes)
  })
})

test.each([
  ['first-names', 970],
  ['surnames', 1940],
  ['places', 970],
  ['brands-and-technology', 485],
])('of the list %s at least %i are not guessed from their letters', (list, least) => {
  const file = new URL(`../../../../scripts/text/lists/${list}.txt`, import.meta.url)
  const names = readFileSync(file, 'utf8').trim().split('\n')
  const known = names.filter((name) => phonemize(name).words.every((word) => word.source !== 'letters'))
  expect(known.length).toBeGreaterThanOrEqual(least)
})

// None of these sentences is in the training data.
describe('homographs', () => {
  test.each([
    ['My grandmother lives in a small village.', 'lˈɪvz'],
    ['The storm claimed many lives.', 'lˈIvz'],
    ['He has read the whole series.', 'ɹˈɛd'],
    ['I want to read the menu.', 'ɹˈid'],
    ['The old pipes contained lead.', 'lˈɛd'],
    ['She will lead the choir.', 'lˈid'],
    ['A single tear fell on the page.', 'tˈɪɹ'],
    ['Do not tear the envelope.', 'tˈɛɹ'],
    ['The archer raised his bow and arrow.', 'bˈO'],
    ['The strong wind blew the roof off.', 'wˈɪnd'],
    ['The nurse cleaned the wound.', 'wˈund'],
    ['Wait a minute for me.', 'mˈɪnət'],
    ['They live near the station.', 'lˈɪv'],
    ['Please close the window.', 'klˈOz'],
    ['We stay close to the shore.', 'klˈOs'],
    ['You can use my laptop.', 'jˈuz'],
    ['That is of little use to us.', 'jˈus'],
    ['What does he want?', 'dˈʌz'],
    ['Please insert your card.', 'ɪnsˈɜɹt'],
    ['He plays bass in a jazz band.', 'bˈAs'],
    ['They refuse to pay.', 'ɹəfjˈuz'],
    ['The ticket is invalid.', 'ɪnvˈælɪd'],
    ['He would not elaborate on the matter.', 'əlˈæbəɹˌAt'],
    ['It was an elaborate plan.', 'əlˈæbəɹət'],
    ['She lives in Reading, England.', 'ɹˈɛdɪŋ'],
    ['We spent our holiday in Nice.', 'nˈis'],
    ['You look nice today.', 'nˈIs'],
    ['She speaks fluent Polish.', 'pˈOlɪʃ'],
  ])('%s', (sentence, phonemes) => {
    expect(said(sentence)).toContain(phonemes)
  })
})

test('British English has its own dictionary and symbols', () => {
  const british = languageFor('en-GB')
  const { phonemes } = british.phonemize('The car won’t start in London.')
  expect(phonemes).toContain('kˈɑː')
  for (const symbol of phonemes) expect(british.symbols).toContain(symbol)
  expect(languageFor('en-AU').tag).toBe('en-US')
  expect(() => languageFor('fr-FR')).toThrow(/fr-FR/)
})
