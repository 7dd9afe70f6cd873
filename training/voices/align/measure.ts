/**
 * Measures the aligner on a corpus with exact durations: distance of its boundaries, and how many wrong transcripts it finds. A wrong
 * transcript has one word replaced by another of the corpus, or two neighbours exchanged.
 */
import { parseArgs } from 'node:util'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { readUtterance } from '../../data/audio.ts'
import { DURATION_UNIT, readCorpus } from '../../data/corpus.ts'
import { alignHeard, hear } from './align.ts'
import { type Slot, slotsOfPhonemes } from './graph.ts'
import { ALIGNER_FILE, AlignerNet } from './net.ts'

const USAGE = `usage: measure CORPUS [options]

  --speaker NAME    only ids that begin with it
  --utterances N    at most so many (default 200)
  --weights FILE    of the net (default: the trainer's own)

Example:
  node training/dist/voices/align/measure.js runs/voices --speaker am_puck`

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    speaker: { type: 'string', default: '' },
    utterances: { type: 'string', default: '200' },
    weights: { type: 'string', default: ALIGNER_FILE },
    help: { type: 'boolean', short: 'h' },
  },
})
const [corpus] = positionals
if (flags.help || !corpus) {
  console.error(USAGE)
  process.exit(flags.help ? 0 : 2)
}

/** Wrong texts of each kind that are made of every utterance. */
const WRONG_TEXTS = 4

const net = AlignerNet.read(flags.weights)
const table = net.durations
const utterances = readCorpus(corpus)
  .filter((u) => u.durations && u.id.startsWith(flags.speaker))
  .slice(0, Number(flags.utterances))
const vocabulary = [...new Set(utterances.flatMap((u) => u.phonemes!.match(/[^ ,.;:!?—()“”]+/gu) ?? []))]
const exact: number[] = []
const fine: number[] = []
const right: number[] = []
const wrong = { replaced: [] as number[], exchanged: [] as number[] }
for (const [i, u] of utterances.entries()) {
  const random = new Random(1, i)
  const samples = await readUtterance(u)
  const heard = hear(net, samples)
  const slots = slotsOfPhonemes(u.phonemes!)
  const found = alignHeard(heard, samples.length, slots, table)
  let truth = 0
  let rounded = 0
  for (let s = 0; s < u.durations!.length - 1; s++) {
    truth += u.durations![s]! * DURATION_UNIT
    rounded += found.durations[s]! * DURATION_UNIT
    const error = (1000 * Math.abs(rounded - truth)) / SAMPLE_RATE
    exact.push(error)
    fine.push(Math.abs(1000 * found.starts[s + 1]! - (1000 * truth) / SAMPLE_RATE))
  }
  right.push(found.worst)
  const words = slots.flatMap((slot, at) => (slot.word === undefined ? [] : [at]))
  for (let n = 0; n < WRONG_TEXTS; n++) {
    const replaced = [...slots]
    const at = words[random.below(words.length)]!
    let other = slots[at]!.word
    while (other === slots[at]!.word) other = vocabulary[random.below(vocabulary.length)]!
    replaced[at] = { word: other, readings: [{ symbols: other!, cost: 0 }] }
    const exchanged = [...slots]
    const first = random.below(words.length - 1)
    const [a, b] = [words[first]!, words[first + 1]!]
    ;[exchanged[a], exchanged[b]] = [exchanged[b]!, exchanged[a]!]
    wrong.replaced.push(worstOf(replaced))
    // Two equal words exchanged are no error.
    if (slots[a]!.word !== slots[b]!.word) wrong.exchanged.push(worstOf(exchanged))
  }

  function worstOf(changed: readonly Slot[]): number {
    try {
      return alignHeard(heard, samples.length, changed, table).worst
    } catch {
      // Too many symbols for the recording: found as well.
      return Number.NEGATIVE_INFINITY
    }
  }
}

const quantile = (values: readonly number[], q: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!
const line = (name: string, values: readonly number[]) => {
  const within = values.filter((v) => v < 50).length / values.length
  console.log(
    `${name}: median ${quantile(values, 0.5).toFixed(1)} ms, 95 % within ${quantile(values, 0.95).toFixed(0)} ms, ${(100 * within).toFixed(1)} % within 50 ms`,
  )
}
console.log(`${utterances.length} utterances, ${exact.length} boundaries`)
line('in units of 25 ms', exact)
line('before rounding  ', fine)
for (const [name, values] of Object.entries(wrong)) {
  const limit = quantile(right, 0.02)
  const share = values.filter((v) => v < limit).length / values.length
  console.log(
    `one word ${name}: ${(100 * share).toFixed(1)} % found at 2 % false alarms (worst word below ${limit.toFixed(2)})`,
  )
}
net.close()
