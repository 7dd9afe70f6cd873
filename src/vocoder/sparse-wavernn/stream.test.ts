import { expect, test } from 'vitest'
import { deEmphasize, PQMF_DELAY, pqmfSynthesize } from '../../audio/pqmf.ts'
import { concatFrames, createFrames, type Frames, HOP, sliceFrames } from '../../frames.ts'
import { availableKernels, chooseKernel } from '../../kernels/index.ts'
import type { OnnxModel } from '../../onnx/runtime.ts'
import { Random } from '../../random.ts'
import type { Vocoder } from '../vocoder.ts'
import { FRAME_FEATURES, netConfigSchema, STEPS_PER_FRAME } from './config.ts'
import { createFrameParameterBlock, FrameParameters } from './frame-parameters.ts'
import { createSparseWavernn } from './index.ts'
import { randomWeights } from './random-weights.ts'
import { encodeWeights } from './weights.ts'

const config = netConfigSchema.parse({ hidden: 32, headHidden: 16 })
const width = 3 * config.hidden

/** A conditioning net of three frames: its gates encode which frames it saw. `calls` are the windows' sizes. */
function fakeConditioning(calls: number[] = []): OnnxModel {
  return {
    inputNames: ['frames'],
    outputNames: ['gates'],
    async run({ frames }) {
      const rows = frames!.dims[0]! - 2
      const x = frames!.data as Float32Array
      calls.push(rows)
      const gates = new Float32Array(rows * width)
      for (let j = 0; j < rows; j++) {
        for (let i = 0; i < width; i++) {
          const at = j * FRAME_FEATURES + (i % FRAME_FEATURES)
          gates[j * width + i] = Math.tanh(0.1 * (x[at]! - 2 * x[at + FRAME_FEATURES]! + x[at + 2 * FRAME_FEATURES]!))
        }
      }
      return { gates: { data: gates, dims: [rows, width] } }
    },
    async release() {},
  }
}

function speech(count: number): Frames {
  const frames = createFrames(count)
  const random = new Random(4)
  for (let j = 0; j < count; j++) {
    frames.f0[j] = Math.floor(j / 9) % 2 === 0 ? 110 + 3 * j : 0
    for (let i = 0; i < 64; i++) frames.envelope[j * 64 + i] = -6 - i / 8 + 0.3 * random.normal()
  }
  return frames
}

const open = (calls?: number[]): Promise<Vocoder> =>
  createSparseWavernn({
    weights: encodeWeights(randomWeights(config, 1)),
    conditioning: { model: fakeConditioning(calls) },
    kernel: chooseKernel('wasm').kernel,
  })

/** Pushes in pieces of `pushes` frames, reading pieces of `reads` samples whenever there are some. */
async function speak(vocoder: Vocoder, frames: Frames, pushes: readonly number[], reads: readonly number[], seed = 3) {
  const stream = vocoder.open({ seed })
  const pieces: Float32Array[] = []
  let k = 0
  const drain = () => {
    for (;;) {
      const out = new Float32Array(reads[k % reads.length]!)
      const count = stream.read(out)
      pieces.push(out.subarray(0, count))
      if (count < out.length) return
      k++
    }
  }
  for (let at = 0, p = 0; at < frames.count; p++) {
    const end = Math.min(frames.count, at + pushes[p % pushes.length]!)
    await stream.push(sliceFrames(frames, at, end))
    at = end
    drain()
  }
  await stream.end()
  drain()
  expect(stream.read(new Float32Array(1))).toBe(0)
  stream.close()
  const all = new Float32Array(pieces.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of pieces) {
    all.set(p, at)
    at += p.length
  }
  return all
}

test.each([0, 1, 2, 5, 6, 7, 21, 22, 40])('a stream of %i frames makes 120 samples a frame', async (count) => {
  const vocoder = await open()
  const out = await speak(vocoder, speech(count), [100], [1 << 14])
  expect(out.length).toBe(count * HOP)
  expect(out.every((v) => Math.abs(v) <= 1)).toBe(true)
})

test('samples do not depend on the sizes of pushes and reads', async () => {
  const vocoder = await open()
  const frames = speech(47)
  const whole = await speak(vocoder, frames, [47], [1 << 14])
  expect(Math.max(...whole)).toBeGreaterThan(0.001)
  expect(await speak(vocoder, frames, [1], [1])).toEqual(whole)
  expect(await speak(vocoder, frames, [6, 8, 16, 32], [720])).toEqual(whole)
  expect(await speak(vocoder, frames, [3, 11], [119, 7, 1000])).toEqual(whole)
})

test('the conditioning net sees the same windows however frames arrive', async () => {
  const calls: [number[], number[]] = [[], []]
  await speak(await open(calls[0]), speech(40), [40], [4096])
  await speak(await open(calls[1]), speech(40), [1], [4096])
  // The first call checks the model when it is opened.
  expect(calls[0]).toEqual([1, 5, 16, 16, 16])
  expect(calls[1]).toEqual(calls[0])
})

test('the first samples come after six frames', async () => {
  const stream = (await open()).open({ seed: 1 })
  await stream.push(speech(5))
  expect(stream.read(new Float32Array(HOP))).toBe(0)
  await stream.push(speech(1))
  expect(stream.read(new Float32Array(5 * HOP))).toBe(5 * HOP - PQMF_DELAY)
})

test('what comes late in the input does not change what came early', async () => {
  const vocoder = await open()
  const frames = speech(40)
  const changed = concatFrames([sliceFrames(frames, 0, 25), speech(15)])
  const a = await speak(vocoder, frames, [40], [8192])
  const b = await speak(vocoder, changed, [40], [8192])
  expect(b.subarray(0, 23 * HOP)).toEqual(a.subarray(0, 23 * HOP))
  expect(b).not.toEqual(a)
})

test('the caller may reuse its arrays after push', async () => {
  const vocoder = await open()
  const frames = speech(30)
  const expected = await speak(vocoder, frames, [30], [8192])
  const stream = vocoder.open({ seed: 3 })
  const own = concatFrames([frames])
  const pushed = stream.push(own)
  own.envelope.fill(0)
  own.f0.fill(0)
  await pushed
  await stream.end()
  const out = new Float32Array(30 * HOP)
  expect(stream.read(out)).toBe(out.length)
  expect(out).toEqual(expected)
})

test('a failing conditioning net fails the push and all that follows', async () => {
  const conditioning = fakeConditioning()
  const vocoder = await createSparseWavernn({
    weights: encodeWeights(randomWeights(config, 1)),
    conditioning: { model: conditioning },
  })
  conditioning.run = async () => {
    throw new Error('broken')
  }
  const stream = vocoder.open({ seed: 1 })
  await expect(stream.push(speech(10))).rejects.toThrow('broken')
  await expect(stream.end()).rejects.toThrow('broken')
})

test('a conditioning net of another size is refused', async () => {
  const other = netConfigSchema.parse({ hidden: 48, headHidden: 16 })
  const weights = encodeWeights(randomWeights(other, 1))
  await expect(createSparseWavernn({ weights, conditioning: { model: fakeConditioning() } })).rejects.toMatchObject({
    code: 'VOICE_MISMATCH',
  })
})

test.each(availableKernels().map((k) => [k.name, k] as const))(
  '%s: bands of known residuals become the filter bank’s synthesis, aligned with the frames',
  async (_, kernel) => {
    // All weights zero, temperature 0: whichever component is drawn, every residual e_b is the mixture's mean.
    const means = [0.5, -0.25, 0.125, 1]
    const apart = [-0.3, 0.1, 0.4, -0.2]
    const weights = randomWeights(config, 1)
    for (const b of [0, 1, 2, 3]) {
      weights.headSkip[b]!.fill(0)
      weights.outputWeight[b]!.fill(0)
      weights.outputBias[b]!.fill(0)
      for (const [k, d] of apart.entries()) weights.outputBias[b]![4 + k] = means[b]! + d
    }
    const vocoder = await createSparseWavernn({
      weights: encodeWeights(weights),
      conditioning: { model: fakeConditioning() },
      kernel,
      temperature: { voiced: [0, 0, 0, 0], unvoiced: [0, 0, 0, 0] },
    })
    const frames = speech(12)
    const actual = await speak(vocoder, frames, [12], [4096])

    const padded = concatFrames([frames, sliceFrames(frames, 11, 12)])
    const bands = new Float32Array(padded.count * STEPS_PER_FRAME * 4)
    const block = createFrameParameterBlock()
    const parameters = new FrameParameters()
    for (let t = 0; t < padded.count * STEPS_PER_FRAME; t++) {
      parameters.compute(padded, Math.floor(t / STEPS_PER_FRAME), block)
      for (let b = 0; b < 4; b++) {
        let x = block.gain[b]! * means[b]!
        for (let k = 1; k <= Math.min(8, t); k++) x += block.lpc[b * 8 + k - 1]! * bands[(t - k) * 4 + b]!
        bands[t * 4 + b] = Math.min(2, Math.max(-2, x))
      }
    }
    const expected = deEmphasize(pqmfSynthesize(bands)).subarray(PQMF_DELAY)
    const peak = Math.max(...actual.map(Math.abs))
    expect(peak).toBeGreaterThan(0.01)
    expect(peak).toBeLessThan(1)
    for (let n = 0; n < actual.length; n++) expect(Math.abs(actual[n]! - expected[n]!)).toBeLessThan(1e-4 * peak)
  },
)

/** As `speak`, side by side with the vocoder's other streams. */
async function speakTogether(vocoder: Vocoder, frames: Frames, push: number, seed: number): Promise<Float32Array> {
  const stream = vocoder.open({ seed })
  const all = new Float32Array(frames.count * HOP)
  let written = 0
  for (let at = 0; at < frames.count; at += push) {
    await stream.push(sliceFrames(frames, at, Math.min(frames.count, at + push)))
    if (at + push >= frames.count) await stream.end()
    written += await stream.readTogether(all.subarray(written, Math.min(all.length, written + push * HOP)))
  }
  while (written < all.length) written += await stream.readTogether(all.subarray(written))
  stream.close()
  return all
}

test('streams that are read side by side make the samples that each makes alone', async () => {
  const vocoder = await open()
  const all = Array.from({ length: 20 }, (_, i) => ({ frames: speech(11 + (i % 7)), push: 3 + (i % 5), seed: i }))
  const together = await Promise.all(all.map(({ frames, push, seed }) => speakTogether(vocoder, frames, push, seed)))
  for (const [i, { frames, seed }] of all.entries())
    expect(together[i]).toEqual(await speak(vocoder, frames, [100], [1 << 14], seed))
})

test('closing a stream that is at work with others leaves theirs as they are', async () => {
  const vocoder = await open()
  const frames = speech(30)
  const other = speakTogether(vocoder, frames, 30, 5)
  const stream = vocoder.open({ seed: 6 })
  await stream.push(frames)
  const reading = stream.readTogether(new Float32Array(20 * HOP))
  stream.close()
  expect(await reading).toBeLessThan(20 * HOP)
  expect(stream.read(new Float32Array(1))).toBe(0)
  expect(await other).toEqual(await speak(vocoder, frames, [30], [1 << 14], 5))
})
