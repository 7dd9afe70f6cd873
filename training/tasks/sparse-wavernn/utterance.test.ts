import { pqmfAnalyze, preEmphasize } from 'sparsewave/internal/audio/pqmf'
import {
  BANDS,
  HISTORY,
  LPC_ORDER,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import {
  EXCITATION_OVERSAMPLING,
  EXCITATION_POINTS,
  EXCITATION_REACH,
  excitationTable,
} from 'sparsewave/internal/vocoder/sparse-wavernn/excitation'
import { createFrameParameterBlock, FrameParameters } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { expect, test } from 'vitest'
import { madeUpRecording } from './testing.ts'
import { Utterance } from './utterance.ts'

const recording = madeUpRecording(12, 4)
const I = STEP_INPUTS
const blocks = Array.from({ length: recording.frames.count }, (_, j) => {
  const block = createFrameParameterBlock()
  new FrameParameters().compute(recording.frames, j, block)
  return block
})
const blockOf = (t: number) => blocks[Math.floor(t / STEPS_PER_FRAME)]!
const clip6 = (v: number) => Math.min(6, Math.max(-6, v))

/** P_b of docs/reference/net.md from a past X [steps, 4]. */
function predict(x: Float32Array | number[], t: number, b: number): number {
  const { lpc } = blockOf(t)
  let sum = 0
  for (let k = 1; k <= LPC_ORDER && k <= t; k++) sum += lpc[b * LPC_ORDER + k - 1]! * x[(t - k) * BANDS + b]!
  return sum
}

function read(u: Utterance, t: number) {
  const example = new Float32Array(I.count + BANDS)
  u.write(t, example, 0, 1)
  return { x: example.subarray(0, I.count), e: example.subarray(I.count) }
}

test("without noise the residuals alone give the recording's bands back", () => {
  const u = new Utterance(recording, 0, 0)
  expect(u.bands).toEqual(pqmfAnalyze(preEmphasize(recording.samples), u.steps))
  expect(u.steps).toBe(12 * STEPS_PER_FRAME)
  const x: number[] = []
  let power = 0
  for (let t = 0; t < u.steps; t++) {
    const { e } = read(u, t)
    for (let b = 0; b < BANDS; b++) {
      x[t * BANDS + b] = predict(x, t, b) + blockOf(t).gain[b]! * e[b]!
      power += u.bands[t * BANDS + b]! ** 2
    }
  }
  const error = u.bands.reduce((sum, v, i) => sum + (v - x[i]!) ** 2, 0)
  expect(error / power).toBeLessThan(1e-9)
})

test('with noise the residual leads from the noisy past back to the recording', () => {
  const u = new Utterance(recording, 0.3, 77)
  let deviation = 0
  for (let t = 0; t < u.steps; t++) {
    const { e } = read(u, t)
    for (let b = 0; b < BANDS; b++) {
      const { gain } = blockOf(t)
      expect(predict(u.noisy, t, b) + gain[b]! * e[b]!).toBeCloseTo(u.bands[t * BANDS + b]!, 5)
      deviation += ((u.noisy[t * BANDS + b]! - u.bands[t * BANDS + b]!) / gain[b]!) ** 2
    }
  }
  expect(Math.sqrt(deviation / (u.steps * BANDS))).toBeCloseTo(0.3, 1)
  expect(new Utterance(recording, 0.3, 77).noisy).toEqual(u.noisy)
  expect(new Utterance(recording, 0.3, 78).noisy).not.toEqual(u.noisy)
})

test('inputs lie in the order of docs/reference/net.md: lag or offset outer, band inner', () => {
  const u = new Utterance(recording, 0.2, 5)
  const residual = (t: number, b: number) =>
    t < 0 ? 0 : clip6((u.noisy[t * BANDS + b]! - predict(u.noisy, t, b)) / blockOf(t).gain[b]!)
  for (const t of [0, 1, 3, 30, 149, 151, 200, 359]) {
    const { x } = read(u, t)
    const { inverseLevel, lag } = blockOf(t)
    for (let b = 0; b < BANDS; b++) {
      for (let l = 1; l <= HISTORY; l++) {
        const past = t >= l ? u.noisy[(t - l) * BANDS + b]! : 0
        expect(x[I.history + (l - 1) * BANDS + b]).toBeCloseTo(clip6(past * inverseLevel[b]!), 4)
      }
      expect(x[I.residual + b]).toBeCloseTo(residual(t - 1, b), 3)
      expect(x[I.prediction + b]).toBeCloseTo(clip6(predict(u.noisy, t, b) * inverseLevel[b]!), 4)
      for (let o = -1; o <= 1; o++) {
        const tap = lag > 0 ? residual(t - lag + o, b) : 0
        expect(x[I.pitch + (o + 1) * BANDS + b]).toBeCloseTo(tap, 3)
      }
    }
  }
})

test('the excitation is the bands of the pulses around the step, 0 where unvoiced', () => {
  const u = new Utterance(recording, 0, 0)
  const table = excitationTable()
  const at = (b: number, steps: number) => {
    const i = b * EXCITATION_POINTS + (steps + EXCITATION_REACH) * EXCITATION_OVERSAMPLING
    return table[i]!
  }
  // Step 0 is voiced and on a pulse.
  const period = 1 / blocks[0]!.phaseIncrement
  const first = read(u, 0).x
  for (let o = 0; o < 3; o++)
    for (let b = 0; b < BANDS; b++)
      expect(first[I.excitation + o * BANDS + b]).toBeCloseTo(Math.sqrt(period) * at(b, o), 3)
  expect([first[I.phase], first[I.phase + 1]]).toEqual([0, 1])
  // Inside a voiced frame, what one step sees one step ahead is what the next one sees.
  for (let t = 31; t < 59; t++) {
    const [a, b] = [read(u, t).x, read(u, t + 1).x]
    for (let i = 0; i < 2 * BANDS; i++) expect(a[I.excitation + BANDS + i]).toBeCloseTo(b[I.excitation + i]!, 2)
  }
  expect(recording.frames.f0[6]).toBe(0)
  expect([...read(u, 6 * STEPS_PER_FRAME).x.subarray(I.pitch)]).toEqual(new Array(I.count - I.pitch).fill(0))
})
