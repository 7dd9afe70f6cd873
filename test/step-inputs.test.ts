/** The stream feeds the net what the trainer fed it: both sides of docs/reference/net.md's table of inputs, compared on one signal. */
import { expect, test } from 'vitest'
import { PQMF_DELAY } from '../src/audio/pqmf.ts'
import { createFrames, sliceFrames } from '../src/frames.ts'
import { traceReference } from '../src/kernels/reference.ts'
import { Random } from '../src/random.ts'
import { Conditioner, type Window } from '../src/vocoder/sparse-wavernn/conditioner.ts'
import { BANDS, netConfigSchema, STEP_INPUTS, STEPS_PER_FRAME } from '../src/vocoder/sparse-wavernn/config.ts'
import { randomWeights } from '../src/vocoder/sparse-wavernn/random-weights.ts'
import { Utterance } from '../training/tasks/sparse-wavernn/utterance.ts'

const COUNT = 15
const D = STEP_INPUTS.count
const config = netConfigSchema.parse({ hidden: 16, headHidden: 16 })

/** Voiced, unvoiced and voiced again, with a spectrum that changes. */
function speech() {
  const frames = createFrames(COUNT + 1)
  const random = new Random(8)
  for (let j = 0; j < frames.count; j++) {
    frames.f0[j] = j < 6 || j > 8 ? 130 + 4 * j : 0
    for (let i = 0; i < 64; i++) frames.envelope[j * 64 + i] = -9 - 3 * Math.cos((i + j) / 9) + 0.2 * random.normal()
  }
  return frames
}

test('the inputs and residuals of generated steps are those the trainer takes from the generated signal', async () => {
  const frames = speech()
  // Components that agree make residuals of about unit variance, as in speech.
  const weights = randomWeights(config, 2)
  for (const bias of weights.outputBias) bias.fill(0, 4, 8).fill(-0.6, 8)

  const x: Float32Array[] = []
  const e: Float32Array[] = []
  const bands: Float32Array[] = []
  const windows: Window[] = []
  const conditioner = new Conditioner(
    async (_, n) => new Float32Array(n * 3 * config.hidden),
    (w) => windows.push(w),
  )
  for (let j = 0; j < frames.count; j++) await conditioner.add(frames, j)
  await conditioner.end()
  // One window of all frames, for one run.
  const all = windows.flatMap((w) => Array.from({ length: w.count }, (_, i) => ({ w, i })))
  const pick = (field: 'lpc' | 'gain' | 'inverseLevel', width: number) =>
    Float32Array.from(all.flatMap(({ w, i }) => [...w[field].subarray(i * width, (i + 1) * width)]))
  const blocks = {
    gateTerms: new Float32Array(all.length * 3 * config.hidden),
    lpc: pick('lpc', BANDS * 8),
    gain: pick('gain', BANDS),
    inverseLevel: pick('inverseLevel', BANDS),
    lag: Int32Array.from(all, ({ w, i }) => w.lag[i]!),
    phaseIncrement: Float64Array.from(all, ({ w, i }) => w.phaseIncrement[i]!),
  }
  const out = traceReference(weights, 5, blocks, frames.count, (_, xs, es, bs) => {
    x.push(xs.slice())
    e.push(es.slice())
    bands.push(bs.slice())
  })

  const phase = new Float32Array(COUNT * STEPS_PER_FRAME)
  let phi = 0
  for (let t = 0; t < phase.length; t++) {
    const j = Math.floor(t / STEPS_PER_FRAME)
    if (frames.f0[j] === 0) continue
    const begins = t === 0 || (t % STEPS_PER_FRAME === 0 && frames.f0[j - 1] === 0)
    phi = begins ? 0 : (phi + frames.f0[j]! / 6000) % 1
    phase[t] = phi
  }
  const samples = out.slice(PQMF_DELAY, PQMF_DELAY + COUNT * 120)
  const utterance = new Utterance({ samples, frames: sliceFrames(frames, 0, COUNT), phase }, 0, 0)

  // The last frame's bands reach beyond the samples.
  const steps = (COUNT - 1) * STEPS_PER_FRAME
  const given = new Float32Array(D + BANDS)
  const error = new Float64Array(D + BANDS)
  const power = new Float64Array(D + BANDS)
  // The bands before sample 0 were cut away with the delay.
  for (let t = 80; t < steps; t++) {
    utterance.write(t, given, 0, 1)
    for (let i = 0; i < D + BANDS; i++) {
      const trained = given[i]!
      const fed = i < D ? x[t]![i]! : e[t]![i - D]!
      error[i]! += (trained - fed) ** 2
      power[i]! += fed ** 2
    }
  }
  for (let i = 0; i < D + BANDS; i++) {
    expect(power[i]! / steps, `input ${i} is alive`).toBeGreaterThan(1e-3)
    // The filter bank's own reconstruction error is all that is left.
    expect(error[i]! / power[i]!, `input ${i} differs`).toBeLessThan(2e-3)
  }
})
