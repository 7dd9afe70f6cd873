import { Random } from 'sparsewave/internal/random'
import { DEFAULT_LANGUAGE } from 'sparsewave/internal/text/index'
import { expect, test } from 'vitest'
import { resample } from '../import/decode.ts'
import { measureSignal } from './signal.ts'
import { textFacts } from './text.ts'
import { type Finding, findingsOf, isLeftOut } from './verdict.ts'

/** Something like speech: bursts of filtered noise and tones at -20 dBFS with pauses, over noise. */
function speechLike({ seconds = 4, gain = 1, noise = 1e-4, seed = 1 } = {}): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: seconds * 24000 }, (_, i) => {
    const isSpeech = i % 12000 < 8400 && i > 6000 && i < seconds * 24000 - 6000
    const voice = 0.12 * Math.sin(0.04 * i) + 0.04 * Math.sin(0.3 * i) + 0.02 * random.normal()
    return (isSpeech ? gain * voice : 0) + noise * random.normal()
  })
}

const text = textFacts('The quick brown fox jumps over the lazy dog near the river.', DEFAULT_LANGUAGE)
const judge = (samples: Float32Array, facts = text): Finding[] => {
  const signal = measureSignal(samples)
  return findingsOf(signal, facts, { level: -21 })
}
const kinds = (findings: Finding[]) => findings.map((f) => `${f.kind}${f.fault ? '!' : ''}`)

test('clean speech passes', () => {
  const signal = measureSignal(speechLike())
  expect(signal.level).toBeGreaterThan(-25)
  expect(signal.level).toBeLessThan(-17)
  expect(signal.snr).toBeGreaterThan(50)
  expect(signal.clipped).toBe(0)
  expect(signal.bandwidth).toBe(12000)
  expect(signal.before).toBeCloseTo(0.26, 1)
  expect(kinds(judge(speechLike()))).toEqual([])
})

test('noise, level and clipping are found, by degree', () => {
  expect(kinds(judge(speechLike({ noise: 0.006 })))).toEqual(['noise'])
  expect(kinds(judge(speechLike({ noise: 0.03 })))).toEqual(['noise!'])
  expect(kinds(judge(speechLike({ gain: 0.01, noise: 1e-6 })))).toContain('level!')
  const clipped = speechLike({ gain: 6 }).map((v) => Math.min(0.6, Math.max(-0.6, v)))
  expect(kinds(judge(clipped))).toContain('clipping!')
})

test.each([8000, 16000, 22050])('the bandwidth of a recording made at %i Hz is half of that', (rate) => {
  const narrow = resample(
    speechLike()
      .filter((_, i) => i % 3 === 0 || rate > 8000)
      .slice(),
    rate,
  )
  expect(Math.abs(measureSignal(narrow).bandwidth - rate / 2)).toBeLessThan(800)
})

test('silence is nobody speaking', () => {
  expect(kinds(judge(new Float32Array(48000)))).toEqual(['length!'])
})

test('text and length must fit', () => {
  const long = textFacts(Array(12).fill('The quick brown fox jumps over the lazy dog.').join(' '), DEFAULT_LANGUAGE)
  expect(judge(speechLike(), long).map((f) => f.text)).toEqual([expect.stringMatching(/^Its text is longer/)])
  const short = textFacts('Yes.', DEFAULT_LANGUAGE)
  expect(judge(speechLike({ seconds: 8 }), short).map((f) => f.text)).toEqual([
    expect.stringMatching(/^It lasts longer/),
  ])
})

test('another language, another script and nothing to say are faults of the text', () => {
  const german = 'Der schnelle braune Fuchs springt über den faulen Hund am Flussufer entlang.'
  const french = 'Le petit garçon marchait lentement vers la maison de sa grand-mère ce matin.'
  const names = 'Zbigniew Brzezinski and Mstislav Rostropovich spoke with Aoife Ni Dhomhnaill in Llanelli.'
  expect(kinds(judge(speechLike(), textFacts(names, DEFAULT_LANGUAGE)).filter((f) => f.kind === 'language'))).toEqual(
    [],
  )
  const of = (t: string) => judge(speechLike(), textFacts(t, DEFAULT_LANGUAGE)).filter((f) => f.kind !== 'mismatch')
  expect(kinds(of(german))).toEqual(['language!'])
  expect(kinds(of(french))).toEqual(['language'])
  expect(of('你好，今天天气怎么样').map((f) => f.text)).toEqual(['Its text has parts in Han script.'])
  expect(kinds(of('...'))).toEqual(['text!'])
})

test('the same recording twice is left out, the same text twice is a remark', () => {
  const signal = measureSignal(speechLike())
  const doubled = findingsOf(signal, text, { level: -21, doubledBy: 'a.wav' })
  expect(isLeftOut(doubled)).toBe(true)
  expect(doubled[0]!.text).toBe('It is the same recording as a.wav.')
  const again = findingsOf(signal, text, { level: -21, sameText: 'a.wav' })
  expect(isLeftOut(again)).toBe(false)
  expect(kinds(again)).toEqual(['doubled'])
})
