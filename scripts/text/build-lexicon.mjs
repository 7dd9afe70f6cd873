// Makes the dictionaries of src/text/languages/en/data from
// - misaki's (PyPI `misaki` 0.9.4, Apache-2.0): us_gold.json, us_silver.json, gb_gold.json, gb_silver.json,
// - CMUdict (npm `cmu-pronouncing-dictionary` 3.0.0; data BSD-2-Clause),
// - own-words.tsv beside this script: names, places, brands, technical words.
//   npm run build && node scripts/text/build-lexicon.mjs MISAKI_DATA_FOLDER CMU_INDEX_JS
// Prints how far the converted CMUdict agrees with misaki's hand-checked words that were not used for the conversion.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { inflect } from '../../dist/src/text/languages/en/derive.js'
import { packLexicon } from '../../dist/src/text/lexicon-file.js'
import { decodeAscii, encodeAscii } from '../../dist/src/text/phonemes.js'
import { agreement, Converter, similar } from './arpabet.mjs'

const [misaki, cmuModule] = process.argv.slice(2)
if (!cmuModule) {
  console.error('usage: node scripts/text/build-lexicon.mjs MISAKI_DATA_FOLDER CMU_INDEX_JS')
  process.exit(2)
}
const read = (name) => JSON.parse(readFileSync(path.join(misaki, name), 'utf8'))

/** Words of Latin letters and a few signs. */
const isWord = (word) => /^[\x21-\x7e\p{Script=Latin}]+$/u.test(word)

// The tap is written T in our set and the glottal stop is read as t.
const ours = (phonemes) => phonemes.replaceAll('ɾ', 'T').replaceAll('ʔ', 't')

/** Entries of one of misaki's files as [word, value] with value as in the data file. */
function entries(dictionary) {
  const out = new Map()
  for (const [word, entry] of Object.entries(dictionary)) {
    if (!isWord(word)) continue
    const { DEFAULT, ...byTag } = typeof entry === 'string' ? { DEFAULT: entry } : entry
    let value = encodeAscii(ours(DEFAULT ?? ''))
    if (!value) continue
    for (const [tag, phonemes] of Object.entries(byTag)) {
      const variant = encodeAscii(ours(phonemes ?? ''))
      if (variant !== undefined && variant !== value) value += `|${tag}:${variant}`
    }
    out.set(word, value)
  }
  return out
}

/** own-words.tsv: word, phonemes in our symbols; `#` begins a comment. */
function ownWords(file) {
  const out = new Map()
  readFileSync(new URL(file, import.meta.url), 'utf8')
    .split('\n')
    .forEach((line, i) => {
      if (line.startsWith('#') || line.trim() === '') return
      const [word, phonemes] = line.split('\t')
      const value = encodeAscii(phonemes?.trim() ?? '')
      if (!value || !isWord(word)) throw new Error(`${file}, line ${i + 1}: ${line}`)
      if (out.has(word)) throw new Error(`${file}, line ${i + 1}: ${word} is there twice`)
      out.set(word, value)
    })
  return out
}

/** Words and first pronunciations of CMUdict. */
async function cmudict(file) {
  const { dictionary } = await import(pathToFileURL(path.resolve(file)).href)
  const out = new Map()
  for (const [word, phones] of Object.entries(dictionary)) {
    // No variants, clitics, compounds or words without a vowel letter: the front end makes those.
    if (/[^a-z']/.test(word) || word.startsWith("'") || /'s$|s'$/.test(word) || !/[aeiouy]/.test(word)) continue
    out.set(word, phones.replace(/ *#.*/, '').split(' '))
  }
  return out
}

function write(name, checked, rest) {
  const bytes = packLexicon([checked, rest])
  writeFileSync(new URL(`../../src/text/languages/en/data/${name}`, import.meta.url), bytes)
  console.log(`${name}: ${checked.size} + ${rest.size} words, ${bytes.length} bytes`)
}

const own = ownWords('own-words.tsv')
const gold = read('us_gold.json')
const checked = entries(gold)
const silver = read('us_silver.json')
const uncertain = entries(silver)
const cmu = await cmudict(cmuModule)

const pairs = []
const sharedWith = (dictionary, known) => {
  for (const [word, entry] of Object.entries(dictionary)) {
    const phones = cmu.get(word)
    const phonemes = typeof entry === 'string' ? ours(entry) : undefined
    if (phones && phonemes && /^[a-z]+$/.test(word) && !(word in known) && encodeAscii(phonemes))
      pairs.push([word, phones, phonemes])
  }
}
sharedWith(gold, {})
const goldPairs = pairs.length
sharedWith(silver, gold)
const percent = (x) => `${(100 * x).toFixed(1)} %`
const [exact, sounds, alike] = agreement(pairs, goldPairs)
console.log(
  `CMUdict against ${goldPairs} hand-checked words that both have, on words left out of the conversion: ` +
    `${percent(exact)} the same, ${percent(sounds)} but for stress, ${percent(alike)} but for reduced vowels`,
)

const converter = new Converter(pairs)
const isKnown = (dictionary, word) => dictionary.has(word) || dictionary.has(word[0].toUpperCase() + word.slice(1))
/** A word that the front end derives from a listed one: its stem's sound, or its several sounds, are the better guide. */
function isDerived(word, phonemes) {
  let isCertain = false
  const derived = inflect(word, (stem) => {
    const value = listedValue(stem)
    if (value?.includes('|') || isKnown(checked, stem)) isCertain = true
    return value && decodeAscii(value.split('|')[0])
  })
  return derived !== undefined && (isCertain || similar(derived, phonemes))
}
const listedValue = (word) => {
  const capital = word[0].toUpperCase() + word.slice(1)
  return checked.get(word) ?? checked.get(capital) ?? uncertain.get(word) ?? uncertain.get(capital)
}

/** A listed stem vouches for the uncertain dictionary's reading of a derived word. */
const hasStem = (word) =>
  /(?:s|es|ed|d|ing|er|ers|est|ly|able|ness|less|man|men)$/.test(word) &&
  [/s$/, /es$/, /d$/, /ed$/, /ing$/, /e?rs?$/, /ers?$/, /est$/, /ly$/, /able$/, /ness$/, /less$/, /m[ae]n$/].some(
    (ending) => {
      const stem = word.replace(ending, '')
      return stem.length > 2 && stem !== word && (isKnown(checked, stem) || isKnown(checked, `${stem}e`))
    },
  )

let [added, replaced] = [0, 0]
for (const [word, phones] of cmu) {
  if (isKnown(checked, word)) continue
  const phonemes = converter.convert(word, phones)
  const value = encodeAscii(phonemes)
  if (!value || isDerived(word, phonemes)) continue
  const capital = word[0].toUpperCase() + word.slice(1)
  const listed = uncertain.has(word) ? word : uncertain.has(capital) ? capital : undefined
  if (listed === undefined) {
    uncertain.set(word, value)
    added++
  } else if (!hasStem(word) && !similar(phonemes, decodeAscii(uncertain.get(listed).split('|')[0]))) {
    if (process.argv.includes('--differences')) console.log(listed, uncertain.get(listed), value)
    uncertain.set(listed, value)
    replaced++
  }
}
console.log(`CMUdict: ${added} words added, ${replaced} readings of the uncertain words replaced`)
for (const [word, value] of own) {
  checked.set(word, value)
  uncertain.delete(word)
}
for (const word of checked.keys()) uncertain.delete(word)
write('en-us.lexicon', checked, uncertain)

const british = entries(read('gb_gold.json'))
const britishRest = entries(read('gb_silver.json'))
for (const word of british.keys()) britishRest.delete(word)
write('en-gb.lexicon', british, britishRest)
