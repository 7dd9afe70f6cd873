/**
 * Letters to sounds for words that no rule derives: a joint n-gram model (Bisani & Ney 2008) over pairs of letters and
 * phonemes, decoded with a beam. Whatever letters come in, something speakable comes out, in time linear in their number.
 */
import { readData } from '../../data-file.ts'
import { decodeAscii, PRIMARY, SECONDARY } from '../../phonemes.ts'
import { withStress } from './stress.ts'

/** Longer words are read in pieces of this many letters. */
const MAX_LETTERS = 40
const BEAM = 8
/** Words whose reading is kept. */
const MAX_READ = 2000
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
}

/** File: JSON header line, then nodes as label deltas (u16), children counts (u16), costs (u8), back-offs (u8), by column. */
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
  return { order: header.order, pairs, label, firstChild, cost, backoff }
}

interface Hypothesis {
  readonly cost: number
  /** Deepest known contexts of the last pairs, longest first. */
  readonly contexts: readonly number[]
  readonly phonemes: string
}

export class LetterToSound {
  readonly #model: JointModel
  readonly #byLetters = new Map<string, number[]>()
  /** Pieces read lately. */
  readonly #read = new Map<string, string>()

  constructor(model: JointModel) {
    this.#model = model
    model.pairs.forEach(({ letters }, label) => {
      if (label < 2) return
      const labels = this.#byLetters.get(letters)
      if (labels === undefined) this.#byLetters.set(letters, [label])
      else labels.push(label)
    })
  }

  /** Phonemes of a word of letters a-z; others are passed over. '' when there is no letter. */
  pronounce(word: string): string {
    const letters = word.toLowerCase().replace(/[^a-z]/g, '')
    let out = ''
    for (let at = 0; at < letters.length; at += MAX_LETTERS) {
      const piece = letters.slice(at, at + MAX_LETTERS)
      let sound = this.#read.get(piece)
      if (sound === undefined) {
        sound = this.#decode(piece)
        if (this.#read.size >= MAX_READ) this.#read.clear()
        this.#read.set(piece, sound)
      }
      out += sound
    }
    return out === '' ? '' : oneStress(out)
  }

  #decode(letters: string): string {
    const length = letters.length
    const columns: Hypothesis[][] = Array.from({ length: length + 1 }, () => [])
    const start = this.#child(0, 0)
    columns[0]!.push({ cost: 0, contexts: start < 0 ? [0] : [start, 0], phonemes: '' })
    for (let at = 0; at < length; at++) {
      const column = columns[at]!
      column.sort((a, b) => a.cost - b.cost)
      const beam = Math.min(BEAM, column.length)
      for (let size = 1; size <= 2 && at + size <= length; size++) {
        const labels = this.#byLetters.get(letters.slice(at, at + size))
        if (labels === undefined) continue
        for (let h = 0; h < beam; h++) {
          for (const label of labels) this.#extend(column[h]!, label, columns[at + size]!)
        }
      }
    }
    let best = ''
    let bestCost = Number.POSITIVE_INFINITY
    for (const hypothesis of columns[length]!) {
      const cost = hypothesis.cost + this.#labelCost(hypothesis.contexts, 1)
      if (cost < bestCost) {
        bestCost = cost
        best = hypothesis.phonemes
      }
    }
    return best
  }

  #extend(from: Hypothesis, label: number, column: Hypothesis[]): void {
    const { order, pairs } = this.#model
    const cost = from.cost + this.#labelCost(from.contexts, label)
    if (column.length >= 4 * BEAM) {
      column.sort((a, b) => a.cost - b.cost)
      column.length = BEAM
    }
    if (column.length >= BEAM && cost > column[BEAM - 1]!.cost + 8 / LOG_STEP) return
    const contexts: number[] = []
    for (const context of from.contexts) {
      const child = this.#child(context, label)
      if (child >= 0 && this.#model.firstChild[child + 1]! > this.#model.firstChild[child]!) contexts.push(child)
    }
    contexts.push(0)
    if (contexts.length > order) contexts.length = order
    column.push({ cost, contexts, phonemes: from.phonemes + pairs[label]!.phonemes })
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

/** A word has one primary stress: the last is kept, others become secondary; without one the first vowel gets it. */
function oneStress(phonemes: string): string {
  const last = phonemes.lastIndexOf(PRIMARY)
  if (last >= 0) return phonemes.slice(0, last).replaceAll(PRIMARY, SECONDARY) + phonemes.slice(last)
  const stressed = phonemes.replace(SECONDARY, PRIMARY)
  return stressed === phonemes ? withStress(phonemes, PRIMARY) : stressed
}

let shared: LetterToSound | undefined

/** Phonemes of a word from its letters alone. */
export function letterToSound(word: string): string {
  shared ??= new LetterToSound(parseModel(readData('en', 'en-us.g2p')))
  return shared.pronounce(word)
}
