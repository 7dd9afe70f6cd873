// Trains letters to sounds on the American dictionary, writes src/text/languages/en/data/en-us.g2p.br and prints error
// rates on words set aside:
//   npm run build && node scripts/text/train-letter-to-sound.mjs
// The words set aside are a random twentieth of the families, so that no inflection of a tested word is trained on; names
// are those of them that the American first names and surnames list. Alignment: EM, each letter stands for 0 to 2
// sounds. N-gram: interpolated Kneser-Ney, entropy-pruned (Stolcke 1998). Classifier: softmax over a letter's labels,
// AdaGrad, rare features left out.
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'
import { editDistance } from '../../dist/src/errors.js'
import { slot } from '../../dist/src/text/hashed-weights.js'
import {
  afterStress,
  LetterToSound,
  LOG_STEP,
  labelHash,
  letterFeatures,
  parseModel,
  WEIGHT_STEP,
} from '../../dist/src/text/languages/en/g2p.js'
import { lexicon } from '../../dist/src/text/languages/en/lexicon.js'
import { encodeAscii } from '../../dist/src/text/phonemes.js'

const ORDER = 7
const THRESHOLD = 7e-7
const MIN_PAIR = 8
const started = Date.now()
const say = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}`)

function hash(word) {
  let h = 2166136261
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 16777619)
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}

// Units: a stress mark and its vowel are one.
const units = (phonemes) => phonemes.match(/[ˈˌ]?./gu)

const words = new Map()
for (const [written, { phonemes, byTag }] of lexicon().entries()) {
  const word = written.toLowerCase()
  // Acronyms say nothing about spelling, and a word of several readings nothing certain.
  if (!/^[a-z]{2,30}$/.test(word) || words.has(word) || written === written.toUpperCase()) continue
  if (Object.keys(byTag).length > 0 || phonemes.length > 2.5 * word.length) continue
  words.set(word, units(phonemes))
}

/** The shortest listed word that this one is an inflection or a plain derivation of. */
function root(word) {
  for (let size = 1; size <= 5 && size < word.length - 2; size++) {
    const stem = word.slice(0, -size)
    if (!ENDINGS.has(word.slice(-size))) continue
    for (const candidate of [stem, `${stem}e`, `${stem}y`, stem.slice(0, -1), stem.replace(/i$/, 'y')])
      if (candidate.length > 2 && candidate !== word && candidate.length < word.length && words.has(candidate))
        return root(candidate)
  }
  return word
}
const ENDINGS = new Set(
  's es ed d ing er ers or ors est ly y ness less ful ment able ally al ism ist ists ize ized man men ies ied'.split(
    ' ',
  ),
)

const training = []
const heldOut = []
for (const [word, sounds] of words) {
  const item = { word, units: sounds }
  ;(hash(root(word)) % 20 === 0 ? heldOut : training).push(item)
}
say(`${training.length} words, ${heldOut.length} held out`)

// --- Alignment ---
const unitIds = new Map()
for (const { units } of training) for (const unit of units) if (!unitIds.has(unit)) unitIds.set(unit, unitIds.size + 1)
const unitNames = ['', ...unitIds.keys()]
const U = unitNames.length
const SOUNDS = U * U
const letterId = (word, i) => word.charCodeAt(i) - 97
// A pair's index: letter by sounds (first + U * second, 0 = none).
const LETTERS = 26
let probability = new Float64Array(LETTERS * SOUNDS)
const MOVES = [
  [1, 0],
  [1, 1],
  [1, 2],
]

function pairIndex(word, ids, i, j, [, p]) {
  const letters = letterId(word, i)
  const sounds = p === 0 ? 0 : p === 1 ? ids[j] : ids[j] + U * ids[j + 1]
  return letters * SOUNDS + sounds
}

const PRIOR = [0.1, 1, 0.02]
for (const item of training) item.ids = item.units.map((unit) => unitIds.get(unit))
for (let iteration = 0; iteration < 6; iteration++) {
  const counts = new Float64Array(LETTERS * SOUNDS)
  let logLikelihood = 0
  for (const { word, ids } of training) {
    const [I, J] = [word.length, ids.length]
    const width = J + 1
    const weight = (i, j, m) => (iteration === 0 ? PRIOR[m] : probability[pairIndex(word, ids, i, j, MOVES[m])])
    const forward = new Float64Array((I + 1) * width)
    const backward = new Float64Array((I + 1) * width)
    forward[0] = 1
    for (let i = 0; i < I; i++)
      for (let j = 0; j <= J; j++) {
        const here = forward[i * width + j]
        if (here === 0) continue
        for (let m = 0; m < 3; m++) {
          const [l, p] = MOVES[m]
          if (i + l <= I && j + p <= J) forward[(i + l) * width + j + p] += here * weight(i, j, m)
        }
      }
    const total = forward[I * width + J]
    if (!(total > 0)) continue
    logLikelihood += Math.log(total)
    backward[I * width + J] = 1
    for (let i = I - 1; i >= 0; i--)
      for (let j = J; j >= 0; j--) {
        let sum = 0
        for (let m = 0; m < 3; m++) {
          const [l, p] = MOVES[m]
          if (i + l > I || j + p > J) continue
          const w = weight(i, j, m) * backward[(i + l) * width + j + p]
          sum += w
          if (w > 0 && forward[i * width + j] > 0)
            counts[pairIndex(word, ids, i, j, MOVES[m])] += (forward[i * width + j] * w) / total
        }
        backward[i * width + j] = sum
      }
  }
  let all = 0
  for (const count of counts) all += count
  probability = counts.map((count) => (count > 1e-4 ? count / all : 0))
  say(`alignment ${iteration}: log-likelihood ${(logLikelihood / training.length).toFixed(3)} a word`)
}

function align({ word, ids }) {
  const [I, J] = [word.length, ids.length]
  const width = J + 1
  const best = new Float64Array((I + 1) * width).fill(Number.NEGATIVE_INFINITY)
  const move = new Int8Array((I + 1) * width).fill(-1)
  best[0] = 0
  for (let i = 0; i < I; i++)
    for (let j = 0; j <= J; j++) {
      const here = best[i * width + j]
      if (here === Number.NEGATIVE_INFINITY) continue
      for (let m = 0; m < 3; m++) {
        const [l, p] = MOVES[m]
        if (i + l > I || j + p > J) continue
        const score = here + Math.log(probability[pairIndex(word, ids, i, j, MOVES[m])])
        const to = (i + l) * width + j + p
        if (score > best[to]) {
          best[to] = score
          move[to] = m
        }
      }
    }
  if (best[I * width + J] === Number.NEGATIVE_INFINITY) return undefined
  const pairs = []
  for (let i = I, j = J; i > 0; ) {
    const [l, p] = MOVES[move[i * width + j]]
    i -= l
    j -= p
    pairs.push(pairIndex(word, ids, i, j, [l, p]))
  }
  return pairs.reverse()
}

const paths = training.map(align)
const pairCounts = new Map()
for (const labels of paths) for (const pair of labels ?? []) pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + 1)
const kept = [...pairCounts].filter(([, count]) => count >= MIN_PAIR).sort((a, b) => b[1] - a[1])
const labelOf = new Map(kept.map(([pair], i) => [pair, i + 2]))
const labelled = training
  .map((item, i) => ({ word: item.word, labels: paths[i]?.map((pair) => labelOf.get(pair)) }))
  .filter(({ labels }) => labels && !labels.includes(undefined))
say(`${labelOf.size} pairs, ${labelled.length} of ${training.length} words kept`)
const letterText = (pair) => String.fromCharCode(97 + Math.floor(pair / SOUNDS))
const soundText = (pair) => unitNames[(pair % SOUNDS) % U] + unitNames[Math.floor((pair % SOUNDS) / U)]
/** Letter and sounds of each label; 0 is the word's start, 1 its end. */
const pairs = ['\t', '\t', ...kept.map(([pair]) => `${letterText(pair)}\t${encodeAscii(soundText(pair))}`)]
const sequences = labelled.map(({ labels }) => [0, ...labels, 1])

// --- Counts: a trie; the node of an n-gram is found from its parent and last label ---
const K = labelOf.size + 2
const childOf = new Map()
const parent = [-1]
const lastLabel = [-1]
const depth = [0]
const count = [0]
const child = (node, label) => childOf.get(node * K + label) ?? -1
function reach(node, label) {
  let next = child(node, label)
  if (next < 0) {
    next = parent.length
    childOf.set(node * K + label, next)
    parent.push(node)
    lastLabel.push(label)
    depth.push(depth[node] + 1)
    count.push(0)
  }
  return next
}
for (const sequence of sequences)
  for (let end = 0; end < sequence.length; end++)
    for (let n = 1; n <= ORDER && n <= end + 1; n++) {
      let node = 0
      for (let i = end - n + 1; i <= end; i++) node = reach(node, sequence[i])
      count[node]++
    }
const nodes = parent.length
say(`${nodes} n-grams up to order ${ORDER}`)

// The suffix of a node drops its oldest label.
const suffix = new Int32Array(nodes)
for (let n = 1; n < nodes; n++) suffix[n] = depth[n] === 1 ? 0 : child(suffix[parent[n]], lastLabel[n])
// Kneser-Ney: shorter n-grams count their different predecessors, unless they begin a word.
const adjusted = Float64Array.from(count)
const continuations = new Float64Array(nodes)
const beginsWord = (n) => {
  while (depth[n] > 1) n = parent[n]
  return lastLabel[n] === 0
}
for (let n = 1; n < nodes; n++) if (depth[n] > 1) continuations[suffix[n]]++
for (let n = 1; n < nodes; n++) if (depth[n] < ORDER && !beginsWord(n)) adjusted[n] = continuations[n]
const discounts = []
for (let d = 1; d <= ORDER; d++) {
  const histogram = [0, 0, 0, 0, 0]
  for (let n = 1; n < nodes; n++) if (depth[n] === d && adjusted[n] <= 4) histogram[adjusted[n]]++
  const [, n1, n2, n3, n4] = histogram
  const y = n1 / (n1 + 2 * n2 || 1)
  discounts[d] = [0, 1 - (2 * y * n2) / (n1 || 1), 2 - (3 * y * n3) / (n2 || 1), 3 - (4 * y * n4) / (n3 || 1)].map(
    (v) => (Number.isFinite(v) ? Math.min(Math.max(v, 0), 2.9) : 0.5),
  )
}
const discountOf = (n) => Math.min(adjusted[n], discounts[depth[n]][Math.min(3, adjusted[n])])
const total = new Float64Array(nodes)
const mass = new Float64Array(nodes)
for (let n = 1; n < nodes; n++) {
  if (lastLabel[n] === 0) continue
  total[parent[n]] += adjusted[n]
  mass[parent[n]] += discountOf(n)
}
const logP = new Float64Array(nodes)
for (let n = 1; n < nodes; n++) {
  if (lastLabel[n] === 0) continue
  const context = parent[n]
  const lower = depth[n] === 1 ? 1 / (K - 1) : Math.exp(logP[suffix[n]])
  logP[n] = Math.log((adjusted[n] - discountOf(n) + mass[context] * lower) / total[context])
}

// --- Pruning: an n-gram goes when backing off in its place changes the model little ---
const alive = new Uint8Array(nodes).fill(1)
const childCount = new Int32Array(nodes)
for (let n = 1; n < nodes; n++) childCount[parent[n]]++
const contextProbability = new Float64Array(nodes)
const allTokens = sequences.reduce((sum, sequence) => sum + sequence.length - 1, 0)
for (let n = 0; n < nodes; n++) contextProbability[n] = n === 0 ? 1 : count[n] / allTokens
function backoffs() {
  const seenMass = new Float64Array(nodes)
  const lowerMass = new Float64Array(nodes)
  for (let n = 1; n < nodes; n++) {
    if (!alive[n] || lastLabel[n] === 0 || depth[n] < 2) continue
    seenMass[parent[n]] += Math.exp(logP[n])
    lowerMass[parent[n]] += Math.exp(logP[suffix[n]])
  }
  const logB = new Float64Array(nodes)
  for (let n = 1; n < nodes; n++) {
    if (!alive[n] || seenMass[n] === 0) continue
    logB[n] = Math.log(Math.max(1 - seenMass[n], 1e-6) / Math.max(1 - lowerMass[n], 1e-6))
  }
  return logB
}
for (let d = ORDER; d >= 3; d--) {
  const logB = backoffs()
  let gone = 0
  for (let n = 1; n < nodes; n++) {
    if (depth[n] !== d || childCount[n] > 0 || lastLabel[n] === 0) continue
    const difference = logP[n] - (logB[parent[n]] + logP[suffix[n]])
    if (contextProbability[parent[n]] * Math.exp(logP[n]) * Math.abs(difference) < THRESHOLD) {
      alive[n] = 0
      childCount[parent[n]]--
      gone++
    }
  }
  say(`order ${d}: ${gone} pruned`)
}
const logB = backoffs()

// --- Classifier: how likely each label of a letter is, by the letters on both sides ---
const SIZE = 1 << Number(process.env.BITS ?? 21)
const EPOCHS = Number(process.env.EPOCHS ?? 3)
const RATE = 0.06
const RARE = Number(process.env.RARE ?? 3)
const labelsOfLetter = new Map()
pairs.forEach((pair, label) => {
  if (label < 2) return
  const list = labelsOfLetter.get(pair[0]) ?? []
  labelsOfLetter.set(pair[0], [...list, label])
})
const isStressed = pairs.map((pair) => pair.includes("'"))
// Features seen less often than RARE times are left out, counted approximately by their hash.
const seenTimes = new Uint8Array(1 << 24)
for (const { word } of labelled)
  for (let i = 0; i < word.length; i++)
    for (const feature of letterFeatures(word, i).plain) {
      const h = feature & 0xffffff
      if (seenTimes[h] < 255) seenTimes[h]++
    }
// Of each letter: the features that are always there, then those of the stress.
const featuresOf = new Map()
for (const { word } of labelled)
  featuresOf.set(
    word,
    Array.from(word, (_, i) => {
      const { plain, stress } = letterFeatures(word, i)
      const common = plain.filter((feature) => seenTimes[feature & 0xffffff] >= RARE)
      return [
        Int32Array.from([...common, ...stress]),
        Int32Array.from([...common, ...stress, ...stress.map(afterStress)]),
      ]
    }),
  )
const table = new Float32Array(SIZE)
const squares = new Float32Array(SIZE).fill(1e-3)
let seed = 9
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 4294967296
}
for (let epoch = 0; epoch < EPOCHS; epoch++) {
  for (let i = labelled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[labelled[i], labelled[j]] = [labelled[j], labelled[i]]
  }
  let loss = 0
  let letters = 0
  for (const { word, labels } of labelled) {
    let stressed = false
    for (let i = 0; i < word.length; i++) {
      const found = featuresOf.get(word)[i][stressed ? 1 : 0]
      const choices = labelsOfLetter.get(word[i])
      const scores = new Float64Array(choices.length)
      const hashes = choices.map(labelHash)
      let top = -1e9
      for (let c = 0; c < choices.length; c++) {
        let score = 0
        for (const feature of found) score += table[slot(feature, hashes[c], SIZE)]
        scores[c] = score
        if (score > top) top = score
      }
      let all = 0
      for (let c = 0; c < scores.length; c++) all += scores[c] = Math.exp(scores[c] - top)
      for (let c = 0; c < choices.length; c++) {
        const right = choices[c] === labels[i]
        const p = scores[c] / all
        if (right) loss -= Math.log(p)
        const gradient = p - (right ? 1 : 0)
        if (Math.abs(gradient) < 2e-3) continue
        for (const feature of found) {
          const s = slot(feature, hashes[c], SIZE)
          squares[s] += gradient * gradient
          table[s] -= (RATE * gradient) / Math.sqrt(squares[s])
        }
      }
      letters++
      if (isStressed[labels[i]]) stressed = true
    }
  }
  say(`classifier ${epoch}: ${(loss / letters).toFixed(4)} nats a letter`)
}
// Weights of two steps or less change nothing that was measured.
const weightBytes = Int8Array.from(table, (w) => {
  const steps = Math.round(w / WEIGHT_STEP)
  return Math.abs(steps) <= 2 ? 0 : Math.max(-127, Math.min(127, steps))
})

// --- Writing: breadth first, children sorted by label ---
const childrenOf = new Map()
for (let n = 1; n < nodes; n++) {
  if (!alive[n]) continue
  const list = childrenOf.get(parent[n])
  if (list) list.push(n)
  else childrenOf.set(parent[n], [n])
}
const order = [0]
for (let i = 0; i < order.length; i++) {
  const list = childrenOf.get(order[i])
  if (list) order.push(...list.sort((a, b) => lastLabel[a] - lastLabel[b]))
}
const labels = new Uint16Array(order.length)
const children = new Uint16Array(order.length)
const costs = new Uint8Array(order.length)
const weights = new Uint8Array(order.length)
order.forEach((n, i) => {
  const siblings = n === 0 ? [] : childrenOf.get(parent[n])
  const place = siblings.indexOf(n)
  labels[i] = n === 0 ? 0 : place > 0 ? lastLabel[n] - lastLabel[siblings[place - 1]] : lastLabel[n]
  children[i] = childrenOf.get(n)?.length ?? 0
  costs[i] = Math.min(255, Math.max(0, Math.round(-logP[n] / LOG_STEP)))
  weights[i] = Math.min(255, Math.max(0, 128 + Math.round(-logB[n] / LOG_STEP)))
})
const low = (a) => Buffer.from(Uint8Array.from(a, (v) => v & 255))
const high = (a) => Buffer.from(Uint8Array.from(a, (v) => v >> 8))
const file = Buffer.concat([
  Buffer.from(`${JSON.stringify({ order: ORDER, nodes: order.length, pairs })}\n`),
  low(labels),
  high(labels),
  low(children),
  high(children),
  Buffer.from(costs),
  Buffer.from(weights),
  Buffer.from(weightBytes.buffer),
])
const packed = brotliCompressSync(file, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
})
writeFileSync(new URL('../../src/text/languages/en/data/en-us.g2p.br', import.meta.url), packed)
say(`${order.length} n-grams kept, ${packed.length} bytes`)

// --- Held-out words ---
const model = new LetterToSound(parseModel(file))
const strip = (list) => list.map((unit) => unit.replace(/[ˈˌ]/, ''))
const listOf = (name) =>
  readFileSync(new URL(`lists/${name}.txt`, import.meta.url), 'utf8')
    .toLowerCase()
    .trim()
    .split('\n')
const names = new Set([...listOf('first-names'), ...listOf('surnames')])
const percent = (x) => `${(100 * x).toFixed(1)} %`
function report(name, list) {
  let [wrong, wrongSounds, edits, length] = [0, 0, 0, 0]
  const clock = performance.now()
  for (const item of list) item.guess = units(model.pronounce(item.word)) ?? []
  const elapsed = performance.now() - clock
  for (const { units: reference, guess } of list) {
    const distance = editDistance(guess, reference)
    wrong += distance > 0
    wrongSounds += editDistance(strip(guess), strip(reference)) > 0
    edits += distance
    length += reference.length
  }
  say(
    `${name}: ${list.length} words, ${percent(wrong / list.length)} wrong (${percent(wrongSounds / list.length)} when stress ` +
      `is ignored), ${percent(edits / length)} of sounds, ${(elapsed / list.length).toFixed(3)} ms a word`,
  )
}
report('held out', heldOut)
report(
  'of them checked by hand',
  heldOut.filter(({ word }) => lexicon().find(word)?.checked),
)
report(
  'of them names',
  heldOut.filter(({ word }) => names.has(word)),
)
if (process.argv.includes('--examples'))
  for (const { word, units, guess } of heldOut.filter((_, i) => i % 150 === 0))
    console.log(word, units.join(''), guess.join(''))
