/**
 * Letters to sounds for words that no rule derives: the product of two models of what each letter sounds like. A joint
 * n-gram (Bisani & Ney 2008) knows the letters and sounds before it, a linear classifier the letters on both sides and
 * whether the stress has come. Whatever letters come in, something speakable comes out, in time linear in their number.
 */

import { readData } from '../../data-file.ts'
import { hash, slot } from '../../hashed-weights.ts'
import { decodeAscii, PRIMARY, SECONDARY } from '../../phonemes.ts'
import { withStress } from './stress.ts'

/** Longer words are read in pieces of this many letters. */
const MAX_LETTERS = 40
const BEAM = 8
/** Of the n-gram alone. */
const QUICK_BEAM = 2
/** Words whose reading is kept. */
const MAX_READ = 2000
/** Weight of the classifier's cost beside the n-gram's. */
const CLASSIFIER = 1.5
/** Natural-log units per step of the classifier's weights. */
export const WEIGHT_STEP = 1 / 24
/** Natural-log units per quantisation step of probabilities and back-off weights. */
export const LOG_STEP = 1 / 12

/**
 * The model: a trie of n-grams in breadth-first order, the children of a node next to each other and sorted by label.
 * Node 0 is the root; `firstChild[n + 1]` ends the children of n.
 */
export interface JointModel {
  readonly order: number
  /** Letters and phonemes of each pair, by label; label 0 is the word's start, 1 its end. */
  readonly pairs: readonly { readonly letters: string; readonly phonemes: string }[]
  readonly label: Uint16Array
  readonly firstChild: Int32Array
  /** -log probability of the node's label after its parent's path, in LOG_STEP. */
  readonly cost: Uint8Array
  /** -log back-off weight of the node as a context, in LOG_STEP, offset by 128. */
  readonly backoff: Uint8Array
  /** The classifier's weights in WEIGHT_STEP, hashed by feature and label. */
  readonly weights: Int8Array
}

/**
 * Features of letter `at` of a word, hashed: the letters around it, and how far it is from the ends in vowels. Those of
 * `stress` also count with whether a primary stress has come before.
 */
export function letterFeatures(word: string, at: number): { plain: number[]; stress: number[] } {
  const padded = `^^^^^^${word}$$$$$$`
  const here = at + 6
  const plain: number[] = []
  for (let left = 0; left <= 5; left++)
    for (let right = 0; right <= 5; right++) {
      if (left + right > 7) continue
      if (left > 0 && padded[here - left + 1] === '^') continue
      if (right > 0 && padded[here + right - 1] === '$') continue
      plain.push(hash(padded.slice(here - left, here + right + 1), 97 + left))
    }
  const vowelsAfter = Math.min(5, word.slice(at + 1).match(VOWEL_LETTERS)?.length ?? 0)
  const vowelsBefore = Math.min(5, word.slice(0, at).match(VOWEL_LETTERS)?.length ?? 0)
  const letter = word[at]!
  const next = padded[here + 1]
  const stress = [
    hash(`n${letter}${vowelsBefore}${vowelsAfter}`),
    hash(`s1${letter}${vowelsAfter}${word.slice(-2)}`),
    hash(`s2${letter}${vowelsAfter}${word.slice(-3)}`),
    hash(`s3${letter}${vowelsAfter}${word.slice(-4)}`),
    hash(`p1${letter}${vowelsBefore}${word.slice(0, 2)}${vowelsAfter}`),
    hash(`p2${letter}${vowelsBefore}${word.slice(0, 3)}${vowelsAfter}`),
    hash(`e1${letter}${next}${vowelsBefore}${vowelsAfter}${word.slice(-3)}`),
    hash(`e2${padded.slice(here - 1, here + 3)}${vowelsAfter}${vowelsBefore}`),
  ]
  return { plain, stress }
}
const VOWEL_LETTERS = /[aeiouy]+/g

/** The hash of a label, and of the same label after a primary stress. */
export const labelHash = (label: number): number => Math.imul(label + 1, 0x9e3779b1)
export const afterStress = (feature: number): number => Math.imul(feature ^ 0x5bd1e995, 0x27d4eb2f)

/** File: JSON header line, then nodes as label deltas (u16), children counts (u16), costs (u8), back-offs (u8), by column; then the classifier's weights (i8). */
export function parseModel(data: Uint8Array): JointModel {
  const newline = data.indexOf(10)
  const header = JSON.parse(new TextDecoder().decode(data.subarray(0, newline))) as {
    order: number
    nodes: number
    pairs: string[]
  }
  const { nodes } = header
  let at = newline + 1
  const u16 = (): Uint16Array => {
    const out = new Uint16Array(nodes)
    for (let i = 0; i < nodes; i++) out[i] = data[at + i]! | (data[at + nodes + i]! << 8)
    at += 2 * nodes
    return out
  }
  const u8 = (): Uint8Array => {
    at += nodes
    return data.slice(at - nodes, at)
  }
  const label = u16()
  const children = u16()
  const cost = u8()
  const backoff = u8()
  const firstChild = new Int32Array(nodes + 1)
  let next = 1
  for (let n = 0; n < nodes; n++) {
    firstChild[n] = next
    // Labels are stored as differences within a node's children.
    for (let i = 1; i < children[n]!; i++) label[next + i]! += label[next + i - 1]!
    next += children[n]!
  }
  firstChild[nodes] = next
  const pairs = header.pairs.map((pair) => {
    const [letters, phonemes] = pair.split('\t')
    return { letters: letters!, phonemes: decodeAscii(phonemes!) }
  })
  const weights = new Int8Array(data.buffer, data.byteOffset + at, data.length - at)
  return { order: header.order, pairs, label, firstChild, cost, backoff, weights }
}

interface Hypothesis {
  readonly cost: number
  /** Deepest known contexts of the last pairs, longest first. */
  readonly contexts: readonly number[]
  readonly phonemes: string
  /** A primary stress has come. */
  readonly stressed: boolean
}

export class LetterToSound {
  readonly #model: JointModel
  readonly #byLetters = new Map<string, number[]>()
  /** Pieces read lately, by both models and by the n-gram alone. */
  readonly #read = new Map<string, string>()
  readonly #quick = new Map<string, string>()

  constructor(model: JointModel) {
    this.#model = model
    model.pairs.forEach(({ letters }, label) => {
      if (label < 2) return
      const labels = this.#byLetters.get(letters)
      if (labels === undefined) this.#byLetters.set(letters, [label])
      else labels.push(label)
    })
  }

  /** Phonemes of a word of letters a-z; others are passed over. '' when there is no letter. `quick`: by the n-gram alone. */
  pronounce(word: string, quick = false): string {
    const letters = word.toLowerCase().replace(/[^a-z]/g, '')
    const known = quick ? this.#quick : this.#read
    let out = ''
    for (let at = 0; at < letters.length; at += MAX_LETTERS) {
      const piece = letters.slice(at, at + MAX_LETTERS)
      let sound = known.get(piece)
      if (sound === undefined) {
        sound = this.#decode(piece, quick)
        if (known.size >= MAX_READ) known.clear()
        known.set(piece, sound)
      }
      out += sound
    }
    return out === '' ? '' : oneStress(out)
  }

  #decode(letters: string, quick: boolean): string {
    const { pairs } = this.#model
    const beam = quick ? QUICK_BEAM : BEAM
    const start = this.#child(0, 0)
    let column: Hypothesis[] = [{ cost: 0, contexts: start < 0 ? [0] : [start, 0], phonemes: '', stressed: false }]
    for (let at = 0; at < letters.length; at++) {
      const labels = this.#byLetters.get(letters[at]!) ?? []
      const costs = quick ? undefined : this.classify(letters, at)
      /** The best continuations, the cheapest first. */
      const next: { from: Hypothesis; label: number; cost: number }[] = []
      for (const from of column) {
        const own = costs?.[from.stressed ? 1 : 0]
        for (let i = 0; i < labels.length; i++) {
          const worst = next.length < beam ? Number.POSITIVE_INFINITY : next[beam - 1]!.cost
          const least = from.cost + (own ? CLASSIFIER * own[i]! : 0)
          if (least >= worst) continue
          const cost = least + this.#labelCost(from.contexts, labels[i]!)
          if (cost >= worst) continue
          let place = Math.min(next.length, beam - 1)
          for (; place > 0 && next[place - 1]!.cost > cost; place--) next[place] = next[place - 1]!
          next[place] = { from, label: labels[i]!, cost }
        }
      }
      column = next.map(({ from, label, cost }) => {
        const { phonemes } = pairs[label]!
        const stressed = from.stressed || phonemes.includes(PRIMARY)
        return {
          cost,
          contexts: this.#contextsAfter(from.contexts, label),
          phonemes: from.phonemes + phonemes,
          stressed,
        }
      })
    }
    let best = ''
    let bestCost = Number.POSITIVE_INFINITY
    for (const hypothesis of column) {
      const cost = hypothesis.cost + this.#labelCost(hypothesis.contexts, 1)
      if (cost < bestCost) {
        bestCost = cost
        best = hypothesis.phonemes
      }
    }
    return best
  }

  /** -log P of each label of a letter by the classifier, in LOG_STEP: before and after a primary stress. */
  classify(letters: string, at: number): [Float64Array, Float64Array] {
    const { weights } = this.#model
    const labels = this.#byLetters.get(letters[at]!) ?? []
    const { plain, stress } = letterFeatures(letters, at)
    const before = new Float64Array(labels.length)
    const after = new Float64Array(labels.length)
    for (let i = 0; i < labels.length; i++) {
      const label = labelHash(labels[i]!)
      let shared = 0
      for (const feature of plain) shared += weights[slot(feature, label, weights.length)]!
      for (const feature of stress) {
        shared += weights[slot(feature, label, weights.length)]!
        after[i]! += weights[slot(afterStress(feature), label, weights.length)]!
      }
      before[i] = shared
      after[i]! += shared
    }
    toCosts(before)
    toCosts(after)
    return [before, after]
  }

  #contextsAfter(before: readonly number[], label: number): number[] {
    const { order, firstChild } = this.#model
    const contexts: number[] = []
    for (const context of before) {
      const child = this.#child(context, label)
      if (child >= 0 && firstChild[child + 1]! > firstChild[child]!) contexts.push(child)
    }
    contexts.push(0)
    if (contexts.length > order) contexts.length = order
    return contexts
  }

  /** -log P(label | contexts): the longest context that has it, after backing off from the longer ones. */
  #labelCost(contexts: readonly number[], label: number): number {
    const { cost, backoff } = this.#model
    let sum = 0
    for (const context of contexts) {
      const child = this.#child(context, label)
      if (child >= 0) return sum + cost[child]!
      sum += backoff[context]! - 128
    }
    return sum + 255
  }

  #child(node: number, wanted: number): number {
    const { label, firstChild } = this.#model
    let low = firstChild[node]!
    let high = firstChild[node + 1]! - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const here = label[middle]!
      if (here === wanted) return middle
      if (here < wanted) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}

/** Scores in WEIGHT_STEP to -log probabilities in LOG_STEP, in place. */
function toCosts(scores: Float64Array): void {
  let top = Number.NEGATIVE_INFINITY
  for (const score of scores) top = Math.max(top, score)
  let all = 0
  for (const score of scores) all += Math.exp((score - top) * WEIGHT_STEP)
  const log = Math.log(all)
  for (let i = 0; i < scores.length; i++) scores[i] = (log - (scores[i]! - top) * WEIGHT_STEP) / LOG_STEP
}

/** A word has one primary stress: the last is kept, others become secondary; without one the first vowel gets it. */
function oneStress(phonemes: string): string {
  const last = phonemes.lastIndexOf(PRIMARY)
  if (last >= 0) return phonemes.slice(0, last).replaceAll(PRIMARY, SECONDARY) + phonemes.slice(last)
  const stressed = phonemes.replace(SECONDARY, PRIMARY)
  return stressed === phonemes ? withStress(phonemes, PRIMARY) : stressed
}

let shared: LetterToSound | undefined

/** Phonemes of a word from its letters alone. `quick`: by one of the two models. */
export function letterToSound(word: string, quick = false): string {
  shared ??= new LetterToSound(parseModel(readData('en', 'en-us.g2p')))
  return shared.pronounce(word, quick)
}
