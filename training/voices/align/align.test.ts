import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { DEFAULT_LANGUAGE } from 'sparsewave/internal/text/index'
import { expect, test } from 'vitest'
import { DURATION_UNIT } from '../../data/corpus.ts'
import { alignHeard } from './align.ts'
import { cutScores } from './cut.ts'
import { ALIGN_HOP, MEL_BANDS, melPower, normalizeMel } from './features.ts'
import { type Slot, slotsOf, slotsOfPhonemes } from './graph.ts'
import { ALIGNER_SYMBOLS, AlignerNet, alignerParameters, CLASSES, NORM_EPSILON } from './net.ts'
import { limitOf, mismatch, WORST_WORD } from './score.ts'
import { wordVariants } from './variants.ts'
import { roundDurations, scoresOf } from './viterbi.ts'

const classOf = (symbol: string) => (symbol === '_' ? 0 : [...ALIGNER_SYMBOLS].indexOf(symbol) + 1)

/** What a good net would hear: each symbol (_ = silence) for so many frames, not without doubt. */
function heard(symbols: readonly (readonly [string, number])[], seed = 1): Float32Array {
  const random = new Random(seed)
  const rows: number[] = []
  for (const [symbol, frames] of symbols)
    for (let f = 0; f < frames; f++) {
      const row = Array.from({ length: CLASSES }, () => 0.01 * random.uniform())
      row[classOf(symbol)] = 0.5 + 0.3 * random.uniform()
      const sum = row.reduce((a, v) => a + v, 0)
      rows.push(...row.map((p) => Math.log(p / sum)))
    }
  return Float32Array.from(rows)
}

/** `heard` for a phoneme string, `frames` a symbol, silence around it. */
const spoken = (phonemes: string, frames = 5, around = 20) =>
  heard([['_', around], ...[...phonemes].map((s) => [s, frames] as const), ['_', around]])

const samplesOf = (logp: Float32Array) => (logp.length / CLASSES) * ALIGN_HOP

test('boundaries are found where the sounds change, and durations cover the recording in whole units', () => {
  const logp = heard([
    ['_', 30],
    ['h', 5],
    ['ə', 5],
    ['l', 10],
    ['ˈ', 5],
    ['O', 20],
    ['.', 15],
    ['_', 10],
  ])
  const { phonemes, durations, starts, words } = alignHeard(logp, samplesOf(logp), slotsOfPhonemes('həlˈO.'))
  expect(phonemes).toBe('həlˈO.')
  expect(starts.map((s) => Math.round(100 * s)).slice(0, 6)).toEqual([0, 30, 35, 40, 50, 55])
  expect(durations).toEqual([12, 2, 2, 4, 2, 8, expect.any(Number), expect.any(Number)])
  expect(durations.reduce((a, b) => a + b, 0) * DURATION_UNIT).toBe(samplesOf(logp))
  expect(words).toMatchObject([{ text: 'həlˈO', start: 0.3, end: 0.75 }])
  expect(words[0]!.score).toBeCloseTo(0, 5)
})

test('of several pronunciations the one that was spoken is taken', () => {
  const slots: Slot[] = [
    {
      word: 'the',
      readings: [
        { symbols: 'ðə', cost: 0 },
        { symbols: 'ði', cost: 3 },
      ],
    },
    ...slotsOfPhonemes(' ɛnd'),
  ]
  const of = (phonemes: string) => {
    const logp = spoken(phonemes)
    return alignHeard(logp, samplesOf(logp), slots).phonemes
  }
  expect(of('ði ɛnd')).toBe('ði ɛnd')
  expect(of('ðə ɛnd')).toBe('ðə ɛnd')
})

test('a pause that the text does not mark becomes a comma, a plain space does not', () => {
  const slots = slotsOf('Go home', DEFAULT_LANGUAGE)
  const { phonemes } = DEFAULT_LANGUAGE.phonemize('Go home')
  const plain = spoken(phonemes)
  expect(alignHeard(plain, samplesOf(plain), slots).phonemes).toBe(phonemes)
  const paused = phonemes.replace(' ', ',,,,,,, ')
  const logp = spoken(paused)
  expect(alignHeard(logp, samplesOf(logp), slots).phonemes).toBe(phonemes.replace(' ', ', '))
})

test('a word that was not spoken scores low and is named', () => {
  const logp = spoken(DEFAULT_LANGUAGE.phonemize('The green house.').phonemes)
  const right = alignHeard(logp, samplesOf(logp), slotsOf('The green house.', DEFAULT_LANGUAGE))
  expect(mismatch(right.words)).toEqual([])
  const wrong = alignHeard(logp, samplesOf(logp), slotsOf('The purple house.', DEFAULT_LANGUAGE))
  expect(wrong.worst).toBeLessThan(-10)
  expect(mismatch(wrong.words, -10)).toMatchObject([
    { fault: true, kind: 'mismatch', text: expect.stringMatching(/"(The|purple)"/) },
  ])
})

test('the limit follows how a voice fits as a whole, and wrong texts do not move it', () => {
  const random = new Random(4)
  const clean = Array.from({ length: 100 }, () => -10 + 2 * random.normal())
  expect(limitOf(clean)).toBe(WORST_WORD)
  const noisy = Array.from({ length: 100 }, () => -14 + 3.5 * random.normal())
  expect(limitOf(noisy)).toBeLessThan(WORST_WORD)
  expect(limitOf([...noisy.slice(0, 85), ...Array<number>(15).fill(-60)])).toBeGreaterThan(-34)
  expect(limitOf([-20, -20, -20])).toBe(WORST_WORD)
})

test('a text with more symbols than the recording has units is refused', () => {
  const logp = heard([['_', 10]])
  expect(() => alignHeard(logp, samplesOf(logp), slotsOfPhonemes('həlˈO wˈɜɹld'))).toThrow(
    expect.objectContaining({ code: 'RECORDING_UNFIT' }),
  )
})

test('rounded durations are whole, at least 1, and as close as they can be', () => {
  expect(roundDurations([2.4, 5.1], 10)).toEqual([2, 3, 5])
  // Three boundaries in one place are spread around it.
  expect(roundDurations([5, 5, 5], 10)).toEqual([4, 1, 1, 4])
  expect(roundDurations([0, 0], 4)).toEqual([1, 1, 2])
  expect(roundDurations([9.9, 9.9], 10)).toEqual([8, 1, 1])
  const random = new Random(3)
  for (let n = 0; n < 200; n++) {
    const units = 5 + random.below(40)
    const inner = Array.from({ length: random.below(units) }, () => units * random.uniform()).sort((a, b) => a - b)
    const rounded = roundDurations(inner, units)
    expect(rounded.reduce((a, b) => a + b, 0)).toBe(units)
    expect(Math.min(...rounded)).toBeGreaterThanOrEqual(1)
  }
  expect(() => roundDurations([1, 2, 3], 3)).toThrow(expect.objectContaining({ code: 'RECORDING_UNFIT' }))
})

test('words have the readings of the dictionary and their weak and tapped forms, the front end’s first', () => {
  expect(wordVariants('the', 'ði', DEFAULT_LANGUAGE)[0]).toBe('ði')
  expect(wordVariants('the', 'ði', DEFAULT_LANGUAGE)).toContain('ðə')
  expect(wordVariants('record', 'ɹˈɛkəɹd', DEFAULT_LANGUAGE)).toContain('ɹəkˈɔɹd')
  expect(wordVariants('water', 'wˈɔtəɹ', DEFAULT_LANGUAGE)).toContain('wˈɔTəɹ')
  expect(wordVariants('zqx', 'zˈɪks', DEFAULT_LANGUAGE)).toEqual(['zˈɪks'])
})

const SENTENCES = [
  'The old man sat by the river.',
  'He had not seen a boat all day.',
  'Nobody came to the house that evening.',
  'In the morning the rain began to fall.',
]
const phonemesOf = (text: string) => DEFAULT_LANGUAGE.phonemize(text).phonemes

test('a long recording is cut into its sentences', () => {
  const parts = SENTENCES.flatMap((s) => [['_', 80] as const, ...[...phonemesOf(s)].map((c) => [c, 7] as const)])
  const logp = heard([...parts, ['_', 80]])
  const { pieces, missing } = cutScores(scoresOf(logp), samplesOf(logp), SENTENCES.join(' '), DEFAULT_LANGUAGE)
  expect(missing).toEqual([])
  expect(pieces.map((p) => p.text).join(' ')).toBe(SENTENCES.join(' '))
  let at = 80
  for (const [i, s] of SENTENCES.entries()) {
    const piece = pieces.find((p) => p.text.includes(s))!
    const [start, end] = [at * ALIGN_HOP, (at + 7 * [...phonemesOf(s)].length) * ALIGN_HOP]
    expect(piece.start, `sentence ${i}`).toBeLessThanOrEqual(start)
    expect(piece.end, `sentence ${i}`).toBeGreaterThanOrEqual(end - 7 * ALIGN_HOP)
    at += 80 + 7 * [...phonemesOf(s)].length
  }
})

test('speech that the text lacks is passed over, and sentences that are not spoken are named', () => {
  const stray = phonemesOf('Excuse me, I have to begin this one again from the start.')
  const said = [SENTENCES[0]!, SENTENCES[1]!, SENTENCES[3]!]
  const one = (text: string) => [['_', 60] as const, ...[...text].map((c) => [c, 7] as const)]
  const logp = heard([
    ...one(phonemesOf(said[0]!)),
    ...one(stray),
    ...one(phonemesOf(said[1]!)),
    ...one(phonemesOf(said[2]!)),
    ['_', 60],
  ])
  const { pieces, missing } = cutScores(scoresOf(logp), samplesOf(logp), SENTENCES.join(' '), DEFAULT_LANGUAGE)
  expect(missing).toEqual([SENTENCES[2]])
  expect(pieces.map((p) => p.text).join(' ')).toBe(said.join(' '))
  const second = pieces.find((p) => p.text.startsWith(said[1]!))!
  const strayEnd = (60 + 7 * [...phonemesOf(said[0]!)].length + 60 + 7 * [...stray].length) * ALIGN_HOP
  expect(second.start).toBeGreaterThan(strayEnd - 0.2 * SAMPLE_RATE)
})

test('a sentence that is too long is parted at a pause, with its own words', () => {
  const text = `${Array.from({ length: 5 }, () => 'the river runs along the valley and the hills, where nobody lives today').join(', ')}.`
  const phonemes = phonemesOf(text)
  const logp = heard([['_', 50], ...[...phonemes].map((c) => [c, c === ',' ? 40 : 7] as const), ['_', 50]])
  const { pieces } = cutScores(scoresOf(logp), samplesOf(logp), text, DEFAULT_LANGUAGE)
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.map((p) => p.text).join(' ')).toBe(text)
  for (const { start, end } of pieces) expect((end - start) / SAMPLE_RATE).toBeLessThan(17)
})

test('features do not change with the level, and an empty band is 0', () => {
  const random = new Random(2)
  const noise = Float32Array.from({ length: 24000 }, (_, i) => 0.1 * random.normal() * (i % 6000 < 4000 ? 1 : 0.01))
  const loud = normalizeMel(melPower(noise))
  const soft = normalizeMel(melPower(noise.map((v) => v / 50)))
  expect(Math.max(...loud.map((v, i) => Math.abs(v - soft[i]!)))).toBeLessThan(0.01)
  const tone = Float32Array.from({ length: 24000 }, (_, i) => 0.3 * Math.sin(0.05 * i))
  const mel = normalizeMel(melPower(tone))
  expect(Math.abs(mel[50 * MEL_BANDS + MEL_BANDS - 1]!)).toBeLessThan(0.01)
})

test('the net computes dilated convolutions with skips, whatever the length', () => {
  const shape = { channels: 8, width: 3, dilations: [1, 2, 4] }
  const random = new Random(5)
  const values = new Map(
    alignerParameters(shape).map(({ name, shape: dims, spread, constant }) => [
      name,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () =>
        spread > 0 ? spread * random.normal() : constant + 0.1 * random.normal(),
      ),
    ]),
  )
  const net = new AlignerNet(shape, values)
  for (const frames of [1, 3, 10]) {
    const mel = Float32Array.from({ length: frames * MEL_BANDS }, () => random.normal())
    const got = net.logProbabilities(mel)
    const expected = plainNet(shape, values, mel)
    expect(Math.max(...expected.map((v, i) => Math.abs(v - got[i]!)))).toBeLessThan(0.02)
  }
  net.close()
})

/** The net as its definition says, one sum at a time. */
function plainNet(
  { channels, width, dilations }: { channels: number; width: number; dilations: readonly number[] },
  values: ReadonlyMap<string, Float32Array>,
  mel: Float32Array,
): number[] {
  const frames = mel.length / MEL_BANDS
  const conv = (x: number[][], name: string, w: number, dilation: number): number[][] => {
    const [weight, bias] = [values.get(`${name}.weight`)!, values.get(`${name}.bias`)!]
    const from = x[0]!.length
    return x.map((_, f) =>
      Array.from(bias, (b, column) => {
        let sum = b
        for (let k = 0; k < w; k++)
          for (let c = 0; c < from; c++)
            sum += (x[f + (k - (w - 1) / 2) * dilation]?.[c] ?? 0) * weight[(k * from + c) * bias.length + column]!
        return sum
      }),
    )
  }
  const norm = (x: number[][], name: string): number[][] =>
    x.map((row) => {
      const mean = row.reduce((a, v) => a + v, 0) / row.length
      const factor = 1 / Math.sqrt(row.reduce((a, v) => a + (v - mean) ** 2, 0) / row.length + NORM_EPSILON)
      return row.map(
        (v, c) => (v - mean) * factor * values.get(`${name}.scale`)![c]! + values.get(`${name}.shift`)![c]!,
      )
    })
  const relu = (x: number[][]) => x.map((row) => row.map((v) => Math.max(0, v)))
  let h = relu(
    conv(
      Array.from({ length: frames }, (_, f) => [...mel.subarray(f * MEL_BANDS, (f + 1) * MEL_BANDS)]),
      'in',
      width,
      1,
    ),
  )
  dilations.forEach((d, i) => {
    const mixed = relu(conv(norm(h, `block${i}.norm`), `block${i}.conv`, width, d))
    h = h.map((row, f) => row.map((v, c) => v + mixed[f]![c]!))
  })
  expect(h[0]!.length).toBe(channels)
  return conv(norm(h, 'out.norm'), 'out', 1, 1).flatMap((row) => {
    const most = Math.max(...row)
    const sum = Math.log(row.reduce((a, v) => a + Math.exp(v - most), 0)) + most
    return row.map((v) => v - sum)
  })
}
