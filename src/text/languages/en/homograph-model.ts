/**
 * Which pronunciation a homograph has in its sentence: a linear classifier over the words around it. Weights of a kind
 * of word (noun, verb, adjective) are shared by all homographs, so that rare readings profit from common ones; others
 * belong to one word. Both lie in one hashed table. Trained by scripts/text/train-homographs.mjs.
 */
import { readData } from '../../data-file.ts'
import { hash, slot } from '../../hashed-weights.ts'
import { decodeAscii } from '../../phonemes.ts'
import type { Token } from './normalize.ts'
import { topicOf } from './topics.ts'
import { wordClass } from './word-classes.ts'

export interface Reading {
  readonly phonemes: string
  /** Kinds whose shared weights count for it. */
  readonly kinds: readonly Kind[]
}
export const KINDS = ['nominal', 'noun', 'adjective', 'verb'] as const
export type Kind = (typeof KINDS)[number]

/** Words further away do not count for topic. */
const TOPIC_REACH = 25

/** Features of word `at` of a sentence, hashed. `small`: the tokens' words in small letters, '' for marks. */
export function features(tokens: readonly Token[], small: readonly string[], at: number): Uint32Array {
  const out: number[] = []
  const add = (name: string, value: string): void => void out.push(hash(`${name}=${value}`))
  const word = (offset: number): string => {
    const token = tokens[at + offset]
    if (token === undefined) return offset < 0 ? '<s>' : '</s>'
    return token.kind === 'word' ? small[at + offset]! : token.text
  }
  const [b3, b2, b1, a1, a2, a3] = [word(-3), word(-2), word(-1), word(1), word(2), word(3)]
  const [cb3, cb2, cb1, ca1, ca2, ca3] = [b3, b2, b1, a1, a2, a3].map(wordClass) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const self = tokens[at]!.text
  const shape = self === small[at] ? 'a' : self.toUpperCase() === self ? 'AA' : 'Aa'
  add('bias', '')
  add('b1', b1)
  add('a1', a1)
  add('b2', b2)
  add('a2', a2)
  add('b3', b3)
  add('a3', a3)
  add('b21', `${b2} ${b1}`)
  add('a12', `${a1} ${a2}`)
  add('ba', `${b1} ${a1}`)
  add('cb1', cb1)
  add('ca1', ca1)
  add('cb21', `${cb2} ${cb1}`)
  add('ca12', `${ca1} ${ca2}`)
  add('cb321', `${cb3} ${cb2} ${cb1}`)
  add('ca123', `${ca1} ${ca2} ${ca3}`)
  add('cba', `${cb1} ${ca1}`)
  add('cb21a', `${cb2} ${cb1} ${ca1}`)
  add('cba12', `${cb1} ${ca1} ${ca2}`)
  add('cb21a12', `${cb2} ${cb1} ${ca1} ${ca2}`)
  add('b1ca1', `${b1} ${ca1}`)
  add('cb1a1', `${cb1} ${a1}`)
  add('sb1', b1.slice(-3))
  add('sa1', a1.slice(-3))
  add('sb2', b2.slice(-3))
  add('sa2', a2.slice(-3))
  add('shape', shape)
  add('shape b1', `${shape} ${cb1}`)
  add('next', isCapital(tokens[at + 1]) ? 'A' : 'a')
  add('previous', isCapital(tokens[at - 1]) ? 'A' : 'a')
  add('plural', /[^s]s$/.test(small[at]!) ? 's' : '')
  add('plural cb1 ca1', `${/[^s]s$/.test(small[at]!) ? 's' : ''} ${cb1} ${ca1}`)
  add('hyphen', `${tokens[at]!.hyphenAfter} ${tokens[at - 1]?.hyphenAfter ?? false}`)
  // The verb or helper that governs, the nearest before: has the clause one already?
  let helper = ''
  for (let i = at - 1; i >= Math.max(0, at - 6); i--) {
    const kind = wordClass(small[i]! || tokens[i]!.text)
    if (
      kind === 'modal' ||
      kind === 'to' ||
      kind === 'be' ||
      kind === 'have' ||
      kind === 'subject' ||
      kind === 'mark'
    ) {
      helper = `${kind}${at - i}`
      break
    }
  }
  add('helper', helper)
  const topics = new Set<string>()
  for (let i = Math.max(0, at - TOPIC_REACH); i <= Math.min(tokens.length - 1, at + TOPIC_REACH); i++) {
    const near = small[i]!
    if (i === at || near.length < 3) continue
    const topic = topicOf(near)
    if (topic !== undefined) topics.add(topic)
    add('near', near)
    if (near.length > 4) add('stem', near.slice(0, 5))
    if (Math.abs(i - at) <= 4) add(i < at ? 'before' : 'after', near)
  }
  for (const topic of topics) add('topic', topic)
  return Uint32Array.from(out)
}

const isCapital = (token: Token | undefined): boolean => token !== undefined && /^[A-Z]/.test(token.text)

export const kindLabel = (kind: Kind): number => hash(kind, 17)
export const readingLabel = (word: string, reading: number): number => hash(`${word} ${reading}`, 29)

export class HomographModel {
  readonly #readings: ReadonlyMap<string, readonly Reading[]>
  readonly #weights: Int8Array

  /** File: a line of JSON with each word's readings, then the table of weights, 8 bits each. */
  constructor(data: Uint8Array) {
    const newline = data.indexOf(10)
    const header = JSON.parse(new TextDecoder().decode(data.subarray(0, newline))) as {
      words: Record<string, [phonemes: string, kinds: Kind[]][]>
    }
    this.#readings = new Map(
      Object.entries(header.words).map(([word, readings]) => [
        word,
        readings.map(([phonemes, kinds]) => ({ phonemes: decodeAscii(phonemes), kinds })),
      ]),
    )
    this.#weights = new Int8Array(data.buffer, data.byteOffset + newline + 1, data.length - newline - 1)
  }

  has(word: string): boolean {
    return this.#readings.has(word)
  }

  /** Pronunciation of a homograph of the model's own; undefined for other words. */
  pronounce(tokens: readonly Token[], small: readonly string[], at: number): string | undefined {
    const word = small[at]!
    const readings = this.#readings.get(word)
    if (readings === undefined) return undefined
    const found = features(tokens, small, at)
    let best = 0
    let bestScore = Number.NEGATIVE_INFINITY
    readings.forEach(({ kinds }, i) => {
      let score = this.#sum(found, readingLabel(word, i))
      for (const kind of kinds) score += this.#sum(found, kindLabel(kind))
      if (score > bestScore) {
        best = i
        bestScore = score
      }
    })
    return readings[best]!.phonemes
  }

  /** How well each kind of word fits at a place, for words that the model has no weights of. */
  kinds(tokens: readonly Token[], small: readonly string[], at: number): Readonly<Record<Kind, number>> {
    const found = features(tokens, small, at)
    return Object.fromEntries(KINDS.map((kind) => [kind, this.#sum(found, kindLabel(kind))])) as Record<Kind, number>
  }

  #sum(found: Uint32Array, label: number): number {
    const weights = this.#weights
    let sum = 0
    for (const feature of found) sum += weights[slot(feature, label, weights.length)]!
    return sum
  }
}

let shared: HomographModel | undefined

/** The model of English, read on first use. */
export function homographModel(): HomographModel {
  shared ??= new HomographModel(readData('en', 'en.homographs'))
  return shared
}
