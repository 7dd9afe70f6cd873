/**
 * What may be heard for a text: a chain of slots (words and what parts them), each with one or more readings. Laid out as nodes in
 * topological order, one a symbol, for the search of viterbi.ts.
 */
import type { Language } from 'sparsewave/internal/text/index'
import { ALIGNER_SYMBOLS, CLASSES } from './net.ts'
import { wordVariants } from './variants.ts'

export interface Reading {
  readonly symbols: string
  /** What choosing it costs, in nats. */
  readonly cost: number
}

export interface Slot {
  /** As written; undefined for what stands between words. */
  readonly word: string | undefined
  /** Character of the sentence at which the word begins. */
  readonly at?: number
  readonly readings: readonly Reading[]
}

/** A pause that the text does not mark costs so much, about four frames of clear silence. */
const UNMARKED_PAUSE: Reading = { symbols: ', ', cost: 6 }
const PLAIN_SPACE: Reading = { symbols: ' ', cost: 0 }

/** What stands between two words or sentences: a space may be a pause, marks are as they are. */
export const gapSlots = (symbols: string): Slot[] =>
  symbols === ''
    ? []
    : [{ word: undefined, readings: symbols === ' ' ? [PLAIN_SPACE, UNMARKED_PAUSE] : [{ symbols, cost: 0 }] }]

/** The slots of one sentence; none when there is nothing to say. */
export function sentenceSlots(sentence: string, language: Language): Slot[] {
  const { phonemes, words } = language.phonemize(sentence)
  const slots: Slot[] = []
  let end = 0
  for (const word of words) {
    slots.push(...gapSlots(phonemes.slice(end, word.phonemeStart)))
    const sound = phonemes.slice(word.phonemeStart, word.phonemeEnd)
    const readings = wordVariants(word.text, sound, language).map((symbols, i) => ({ symbols, cost: i === 0 ? 0 : 3 }))
    slots.push({ word: word.text, at: word.start, readings })
    end = word.phonemeEnd
  }
  return [...slots, ...(words.length === 0 ? [] : gapSlots(phonemes.slice(end)))]
}

/** The slots of a text of one or more sentences; none when there is nothing to say. */
export function slotsOf(text: string, language: Language): Slot[] {
  const slots: Slot[] = []
  for (const sentence of language.splitSentences(text)) {
    const next = sentenceSlots(sentence.text, language)
    if (slots.length > 0 && next.length > 0) slots.push(...gapSlots(' '))
    slots.push(...next)
  }
  return slots
}

/** Slots of a phoneme string as it is: words parted by spaces and marks, one reading each. */
export function slotsOfPhonemes(phonemes: string): Slot[] {
  return (phonemes.match(/[ ,.;:!?—()“”]+|[^ ,.;:!?—()“”]+/gu) ?? []).map((symbols) => ({
    word: /^[ ,.;:!?—()“”]/u.test(symbols) ? undefined : symbols,
    readings: [{ symbols, cost: 0 }],
  }))
}

export interface Graph {
  /** [nodes] class of the net. The first and the last are silence. */
  readonly classes: Uint8Array
  /** Nodes before each node. */
  readonly before: readonly (readonly number[])[]
  /** [nodes] what entering the node costs. */
  readonly costs: Float32Array
  /** [nodes] slot, -1 for the silences. */
  readonly slots: Int32Array
  /** [nodes] the symbol, '' for the silences. */
  readonly symbols: readonly string[]
}

const CLASS = new Map([...ALIGNER_SYMBOLS].map((symbol, i) => [symbol, i + 1]))
const SILENCE = 0
/** Class of a node that any sound fits, somewhat worse than the right symbol (viterbi.ts). */
export const ANYTHING = CLASSES

/** Lays out a graph, first node first. */
export class GraphBuilder {
  readonly #classes: number[] = [SILENCE]
  readonly #before: number[][] = [[]]
  readonly #costs: number[] = [0]
  readonly #slots: number[] = [-1]
  readonly #symbols: string[] = ['']

  /** Adds a node after the nodes `from` and returns it. */
  add(of: number, from: readonly number[], cost = 0, slot = -1, symbol = ''): number {
    this.#before.push([...from])
    this.#costs.push(cost)
    this.#slots.push(slot)
    this.#symbols.push(symbol)
    return this.#classes.push(of) - 1
  }

  /** Adds slots after the nodes `ends`, numbered from `first` on; returns the nodes that they end in. */
  addSlots(slots: readonly Slot[], ends: readonly number[], first = 0): number[] {
    let from = [...ends]
    slots.forEach(({ readings }, i) => {
      const next: number[] = []
      for (const { symbols, cost } of readings) {
        let at = from
        for (const [k, symbol] of [...symbols].entries())
          at = [this.add(CLASS.get(symbol) ?? SILENCE, at, k === 0 ? cost : 0, first + i, symbol)]
        next.push(...at)
      }
      from = next
    })
    return from
  }

  /** The graph, with the silence at its end after the nodes `ends`. */
  end(ends: readonly number[]): Graph {
    this.add(SILENCE, ends)
    return {
      classes: Uint8Array.from(this.#classes),
      before: this.#before,
      costs: Float32Array.from(this.#costs),
      slots: Int32Array.from(this.#slots),
      symbols: this.#symbols,
    }
  }
}

/** The graph of a text between silences. */
export function graphOf(slots: readonly Slot[]): Graph {
  const builder = new GraphBuilder()
  return builder.end(builder.addSlots(slots, [0]))
}
