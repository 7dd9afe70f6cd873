// Trains the homograph classifier on WikipediaHomographData (Gorman, Mazovetskiy & Nikolaev 2018, Apache-2.0), writes
// src/text/languages/en/data/en.homographs.br and prints what it gets right of sentences that it has not seen (every
// sentence is left out once, a fifth at a time):
//   npm run build && node scripts/text/train-homographs.mjs ../shared/data/homographs [--errors]
// Multinomial logistic regression over hashed features, AdaGrad, L2; the order of examples is seeded.
// own-homographs.tsv beside this script adds sentences of words and readings that the data lacks.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { editDistance } from '../../dist/src/errors.js'
import { parsePhonemes } from '../../dist/src/text/given.js'
import { slot } from '../../dist/src/text/hashed-weights.js'
import { features, kindLabel, readingLabel } from '../../dist/src/text/languages/en/homograph-model.js'
import { lexicon } from '../../dist/src/text/languages/en/lexicon.js'
import { normalize } from '../../dist/src/text/languages/en/normalize.js'
import { encodeAscii } from '../../dist/src/text/phonemes.js'

const folder = process.argv[2]
if (!folder) {
  console.error('usage: node scripts/text/train-homographs.mjs FOLDER [--errors]')
  process.exit(2)
}
const SIZE = 1 << 19
const EPOCHS = 10
const RATE = 0.025
const DECAY = 2e-3
const FOLDS = 5

const table = (file) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t').map((cell) => cell.replace(/^"|"$/g, '').replaceAll('""', '"')))

// --- Readings: those of the dictionary where it has them, so that a word sounds the same wherever it is looked up ---
const kindsOf = (label) => {
  if (/^adjective-noun-verb|^noun-verb/.test(label)) return []
  if (/^adjective-noun/.test(label)) return ['nominal']
  if (/^adjective/.test(label)) return ['nominal', 'adjective']
  if (/^noun/.test(label)) return ['nominal', 'noun']
  if (/verb|^past tense|^present tense/.test(label)) return ['verb']
  return []
}
const OWN = {
  pervert_nou: 'pˈɜɹvˌɜɹt', pervert_vrb: 'pəɹvˈɜɹt', abuses_vrb: 'əbjˈuzᵻz', abuses_nou: 'əbjˈusᵻz', affiliate_vrb: 'əfˈɪliˌAt', aged_adj: 'ˈAʤɪd', approximate_vrb: 'əpɹˈɑksəmˌAt',
  blessed_adj: 'blˈɛsɪd', celtic: 'kˈɛltɪk', 'celtic_adj-nou-sports': 'sˈɛltɪk', bologna: 'bəlˈOni', bologna_geo: 'bəlˈOnjə', august: 'ˈɔɡəst',
  august_adj: 'ɔɡˈʌst', august_nam: 'ˈWɡəst', polish_geo: 'pˈOlɪʃ', polish: 'pˈɑlɪʃ', perfume_nou: 'pˈɜɹfjˌum', perfume_vrb: 'pəɹfjˈum',
  export_vrb: 'ɪkspˈɔɹt', impact_vrb: 'ɪmpˈækt', protest_vrb: 'pɹətˈɛst', frequent_vrb: 'fɹikwˈɛnt', instrument_vrb: 'ˈɪnstɹəmˌɛnt',
  increment_vrb: 'ˈɪŋkɹəmˌɛnt', reading_geo: 'ɹˈɛdɪŋ', reading_en: 'ɹˈidɪŋ', recount_nou: 'ɹˈikˌWnt', recount_vrb: 'ɹikˈWnt', resume_nou: 'ɹˈɛzəmˌA',
  expose_nou: 'ˌɛkspOzˈA', lead_nou: 'lˈɛd', nestle_nam: 'nˈɛsli', ravel_nam: 'ɹəvˈɛl', ravel_nou: 'ɹˈævᵊl', rodeo_geo: 'ɹOdˈAO', rodeo: 'ɹˈOdiˌO',
  jesus_es: 'hAsˈus', job_bible: 'ʤˈOb', mobile: 'mˈObᵊl', mobile_geo: 'mObˈil', 'mobile_nou-art': 'mˈObˌil', sake_jp: 'sˈɑki', mate: 'mˈAt', mate_nou: 'mˈɑtˌA',
  row_2: 'ɹˈW', learned_vrb: 'lˈɜɹnd', learned_adj: 'lˈɜɹnɪd', desert_vrb: 'dəzˈɜɹt', tear_nou: 'tˈɪɹ', tear_vrb: 'tˈɛɹ',
} // biome-ignore format: one table
const words = {}
for (const [word, id, label, ipa] of table(path.join(folder, 'wordids.tsv'))) {
  const entry = lexicon().find(word)
  const listed = [entry.phonemes, ...Object.values(entry.byTag)]
  let phonemes = OWN[id]
  if (phonemes === undefined) {
    const said = parsePhonemes(ipa.replaceAll("'", 'ˈ'), 'ipa')
    const skeleton = (s) => [...s.replaceAll('T', 't').replace(/[ɪᵻᵊ]/g, 'ə')]
    phonemes = listed.map((p) => [editDistance(skeleton(p), skeleton(said)), p]).sort((a, b) => a[0] - b[0])[0][1]
  }
  words[word] ??= []
  if (words[word].some((reading) => reading.phonemes === phonemes))
    console.log(`${id}: sounds like another reading of ${word}: ${phonemes}`)
  words[word].push({ id, phonemes, kinds: kindsOf(label) })
}

// --- Sentences ---
/** Words of more sentences: word, the reading's phonemes, kind, sentence with the word in braces. */
const own = table(new URL('own-homographs.tsv', import.meta.url))
for (const [word, phonemes, kinds] of own) {
  words[word] ??= []
  if (!words[word].some((reading) => reading.phonemes === phonemes))
    words[word].push({ phonemes, kinds: kinds.split(' ').filter(Boolean) })
}
const examples = []
function addExample(word, reading, sentence, start, isOwn) {
  const tokens = normalize(sentence)
  const at = tokens.findIndex((token) => token.start === start)
  const small = tokens.map((token) => (token.kind === 'word' ? token.text.toLowerCase() : ''))
  if (at < 0 || small[at] !== word) return
  const example = { word, reading, sentence, found: features(tokens, small, at), isOwn }
  examples.push(example)
  // They are few and everyday.
  if (isOwn) examples.push(example, example)
}
for (const [word, id, sentence, start] of table(path.join(folder, 'train.tsv'))) {
  const reading = words[word].findIndex((r) => r.id === id)
  const at = Buffer.from(sentence, 'utf8').subarray(0, Number(start)).toString('utf8').length
  addExample(word, reading, sentence, at, false)
}
for (const [word, phonemes, , marked] of own) {
  const at = marked.indexOf('{')
  const reading = words[word].findIndex((r) => r.phonemes === phonemes)
  addExample(word, reading, marked.replace('{', '').replace('}', ''), at, true)
}
console.log(`${examples.length} sentences of ${Object.keys(words).length} words`)

// --- Training ---
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
/** Labels that count for each reading of a word. */
const labelsOf = new Map(
  Object.entries(words).map(([word, readings]) => [
    word,
    readings.map(({ kinds }, i) => [readingLabel(word, i), ...kinds.map(kindLabel)]),
  ]),
)
const score = (weights, found, labels) => {
  let sum = 0
  for (const label of labels) for (const feature of found) sum += weights[slot(feature, label, SIZE)]
  return sum
}
function train(list) {
  const weights = new Float32Array(SIZE)
  const squares = new Float32Array(SIZE).fill(1e-4)
  const next = random(5)
  const order = [...list]
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1))
      ;[order[i], order[j]] = [order[j], order[i]]
    }
    for (const { word, reading, found } of order) {
      const labels = labelsOf.get(word)
      const scores = labels.map((l) => score(weights, found, l))
      const top = Math.max(...scores)
      const powers = scores.map((s) => Math.exp(s - top))
      const all = powers.reduce((a, b) => a + b)
      labels.forEach((list, r) => {
        const gradient = powers[r] / all - (r === reading ? 1 : 0)
        if (Math.abs(gradient) < 1e-3) return
        for (const label of list)
          for (const feature of found) {
            const s = slot(feature, label, SIZE)
            const g = gradient + DECAY * weights[s]
            squares[s] += g * g
            weights[s] -= (RATE * g) / Math.sqrt(squares[s])
          }
      })
    }
  }
  return weights
}
const quantised = (weights) => {
  const top = 2.5
  return Int8Array.from(weights, (w) => Math.max(-127, Math.min(127, Math.round((w / top) * 127))))
}
const best = (weights, { word, found }) => {
  const scores = labelsOf.get(word).map((l) => score(weights, found, l))
  return scores.indexOf(Math.max(...scores))
}

// --- Held out by sentence ---
const fold = (sentence) => {
  let h = 2166136261
  for (let i = 0; i < sentence.length; i++) h = Math.imul(h ^ sentence.charCodeAt(i), 16777619)
  return ((h ^ (h >>> 15)) >>> 0) % FOLDS
}
const results = new Map()
for (let f = 0; f < FOLDS; f++) {
  const weights = quantised(train(examples.filter((e) => fold(e.sentence) !== f)))
  for (const example of examples) {
    if (fold(example.sentence) !== f || example.isOwn) continue
    const right = best(weights, example) === example.reading
    const r = results.get(example.word) ?? [0, 0]
    results.set(example.word, [r[0] + right, r[1] + 1])
    if (!right && process.argv.includes('--errors'))
      console.log(`${example.word} ${words[example.word][example.reading].phonemes}: ${example.sentence}`)
  }
}
const total = [...results.values()].reduce((sum, [right, all]) => [sum[0] + right, sum[1] + all], [0, 0])
const mean = [...results.values()].reduce((sum, [right, all]) => sum + right / all, 0) / results.size
console.log(
  `held out: ${((100 * total[0]) / total[1]).toFixed(2)} % of ${total[1]} sentences, mean of words ${(100 * mean).toFixed(2)} %; lowest words:`,
)
const sorted = [...results].sort((a, b) => a[1][0] / a[1][1] - b[1][0] / b[1][1])
console.log(
  sorted
    .slice(0, 25)
    .map(([w, [r, n]]) => `${w} ${((100 * r) / n).toFixed(0)}%/${n}`)
    .join(', '),
)

// --- The shipped model: everything ---
const weights = quantised(train(examples))
const header = {
  words: Object.fromEntries(
    Object.entries(words).map(([word, readings]) => [word, readings.map((r) => [encodeAscii(r.phonemes), r.kinds])]),
  ),
}
const file = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), Buffer.from(weights.buffer)])
const packed = brotliCompressSync(file, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 },
})
writeFileSync(new URL('../../src/text/languages/en/data/en.homographs.br', import.meta.url), packed)
console.log(`${file.length} -> ${packed.length} bytes, ${weights.filter((w) => w !== 0).length} weights`)
