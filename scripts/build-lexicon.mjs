// Makes src/text/languages/en/data/en-us.lexicon.br from the two American dictionaries of misaki (PyPI `misaki`, Apache-2.0):
//   pip download --no-deps misaki==0.9.4 && unzip misaki-*.whl
//   npm run build && node scripts/build-lexicon.mjs misaki/data/us_gold.json misaki/data/us_silver.json
// Text inside: lines `word<TAB>pronunciation[|TAG:pronunciation]...` sorted by code unit, phonemes as ASCII
// (src/text/phonemes.ts), first the hand-checked words, then an empty line, then the less certain ones.
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'
import { encodeAscii } from '../dist/src/text/phonemes.js'

const [goldPath, silverPath] = process.argv.slice(2)
if (!silverPath) {
  console.error('usage: node scripts/build-lexicon.mjs us_gold.json us_silver.json')
  process.exit(2)
}
const gold = JSON.parse(readFileSync(goldPath, 'utf8'))
const silver = JSON.parse(readFileSync(silverPath, 'utf8'))

// The tap is written T in our set and the glottal stop is read as t.
const encode = (phonemes) => encodeAscii(phonemes.replaceAll('ɾ', 'T').replaceAll('ʔ', 't'))

function line(word, entry) {
  if (!/^[\x21-\x7e]+$/.test(word)) return undefined
  const { DEFAULT, ...byTag } = typeof entry === 'string' ? { DEFAULT: entry } : entry
  let value = encode(DEFAULT ?? '')
  if (!value) return undefined
  for (const [tag, phonemes] of Object.entries(byTag)) {
    const variant = encode(phonemes ?? '')
    if (variant !== undefined && variant !== value) value += `|${tag}:${variant}`
  }
  return `${word}\t${value}`
}

const lines = (dictionary, except) =>
  Object.keys(dictionary)
    .filter((word) => !(word in except))
    .sort()
    .flatMap((word) => line(word, dictionary[word]) ?? [])

const checked = lines(gold, {})
const uncertain = lines(silver, gold)
const text = `${checked.join('\n')}\n\n${uncertain.join('\n')}\n`
const packed = brotliCompressSync(text, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
})
writeFileSync(new URL('../src/text/languages/en/data/en-us.lexicon.br', import.meta.url), packed)
console.log(`${checked.length} + ${uncertain.length} words, ${text.length} -> ${packed.length} bytes`)
