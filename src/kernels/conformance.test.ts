/** One suite over every kernel that this machine can run: they compute the reference's net, and chunking changes nothing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Random } from '../random.ts'
import { PACKAGE_ROOT } from '../root.ts'
import { BANDS, netConfigSchema, STEP_INPUTS } from '../vocoder/sparse-wavernn/config.ts'
import { randomFrameBlocks, randomWeights } from '../vocoder/sparse-wavernn/random-weights.ts'
import { availableKernels, STEP_PARTS } from './index.ts'
import type { KernelStream, Precision, VocoderKernel } from './kernel.ts'
import { nativeActivate, nativeIsas } from './native.ts'
import { referenceKernel } from './reference.ts'
import { wasmActivate } from './wasm.ts'

const sparse = { reset: 0.1, update: 0.1, candidate: 0.25, input: 0.5, head: 0.25 }
const one = { reset: 1e-9, update: 1e-9, candidate: 1e-9, input: 1e-9, head: 1e-9 }
const full = { reset: 1, update: 1, candidate: 1, input: 1, head: 1 }
const shapes = {
  'one block a strip': netConfigSchema.parse({ hidden: 48, headHidden: 16, density: one }),
  'default densities': netConfigSchema.parse({ hidden: 96, headHidden: 32, density: sparse }),
  'heads wider than the GRU': netConfigSchema.parse({ hidden: 16, headHidden: 128, density: sparse }),
  'full matrices': netConfigSchema.parse({ hidden: 80, headHidden: 48, density: full }),
}
const small = netConfigSchema.parse({ hidden: 64, headHidden: 16 })
/** Not multiples of what a tile or an unrolled loop takes. */
const batch = netConfigSchema.parse({ hidden: 112, headHidden: 48, density: sparse })
const HOP = 120

function teacherForced(hidden: number, frames: number, seed: number) {
  const random = new Random(seed, 9)
  const steps = frames * 30
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())
  return {
    steps,
    inputs: normals(steps * STEP_INPUTS.count),
    gateTerms: normals(frames * 3 * hidden),
    residuals: normals(steps * BANDS),
  }
}

function speakWith(
  precision: Precision,
  kernel: VocoderKernel,
  seed: number,
  frames: number,
  chunks: readonly number[],
): Float32Array {
  const model = kernel.createModel(randomWeights(small, 5), { precision })
  const blocks = randomFrameBlocks(small, frames, 6)
  const stream = model.open(seed)
  const out = new Float32Array(frames * HOP)
  for (let at = 0, k = 0; at < frames; k++) {
    const count = Math.min(chunks[k % chunks.length]!, frames - at)
    stream.generate(blocks, at, count, out, at * HOP)
    at += count
  }
  stream.close()
  model.close()
  return out
}

/** Bytes after 1000 calls; one boxed number each would be 12 KB. */
const GARBAGE = 10_000
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const rms = (v: Float32Array): number => Math.sqrt(v.reduce((s, x) => s + x * x, 0) / v.length)

test('the reference and the WebAssembly kernel are there', () => {
  expect(availableKernels().map((k) => k.name)).toEqual(expect.arrayContaining(['wasm', 'reference']))
})

const cases = availableKernels().flatMap((k) => k.precisions.map((precision) => [k.name, precision, k] as const))
/**
 * How far outputs may lie from the reference's. The sums of integers are the same; an h whose last bits differ may be quantized a step higher, which in eight bits is
 * 1/127 of a weight.
 */
const TOLERANCE = { f32: 2e-5, int16: 2e-5, int8: 5e-3 }

describe.each(cases)('%s, %s', (name, precision, kernel) => {
  // The reference is slow and runs streams one by one: few of them say the same.
  const length = name === 'reference' ? 6 : 40
  const speak = speakWith.bind(undefined, precision)
  test.each(name === 'reference' ? [3] : [1, 2, 3, 5, 8, 9, 15, 16])(
    'of %i streams side by side each makes the samples that it makes alone',
    (n) => {
      const temperature = { voiced: [0.2, 0.7, 1, 1], unvoiced: [1, 1, 0.5, 1] }
      const model = kernel.createModel(randomWeights(batch, 5), { temperature, precision })
      const all = Array.from({ length: n }, (_, i) => ({
        seed: 11 * i + 1,
        frames: randomFrameBlocks(batch, length, 20 + i),
        out: new Float32Array(length * HOP),
        alone: new Float32Array(length * HOP),
      }))
      for (const { seed, frames, alone } of all) {
        const stream = model.open(seed)
        stream.generate(frames, 0, length, alone, 0)
        stream.close()
      }
      // Streams join at different times and change places; each call takes another number of frames.
      const random = new Random(n, 3)
      const open = all.map(({ seed, frames, out }) => ({ stream: model.open(seed), frames, out, from: 0 }))
      while (open.some(({ from }) => from < length)) {
        const present = open.filter(({ from }) => from < length && random.uniform() < 0.8)
        present.sort(() => random.uniform() - 0.5)
        const most = Math.min(5, ...present.map(({ from }) => length - from))
        const count = 1 + random.below(Math.max(1, Math.min(5, most)))
        model.generateMany(
          present.map(({ stream, frames, out, from }) => ({ stream, frames, from, out, at: from * HOP })),
          count,
        )
        for (const job of present) job.from += count
      }
      for (const { stream } of open) stream.close()
      for (const { out, alone } of all) expect(out).toEqual(alone)
      expect(rms(all[0]!.alone)).toBeGreaterThan(0.001)
      model.close()
    },
  )

  test.each(Object.entries(shapes))('outputs equal the reference, %s', (_, config) => {
    const weights = randomWeights(config, 3)
    const input = teacherForced(config.hidden, 4, 4)
    const expected = referenceKernel.createModel(weights, { precision }).outputs(input)
    const model = kernel.createModel(weights, { precision })
    const actual = model.outputs(input)
    model.close()
    expect(rms(expected)).toBeGreaterThan(0.1)
    let worst = 0
    for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i]! - actual[i]!))
    expect(worst).toBeLessThan(TOLERANCE[precision])
    // Few do: most outputs are as near as in the other precisions.
    const near = expected.filter((v, i) => Math.abs(v - actual[i]!) < 2e-5).length
    expect(near / expected.length).toBeGreaterThan(0.8)
  })

  test('the first frame of a stream is the reference’s', () => {
    // Later ones may drift apart: a draw near a boundary picks another component.
    const expected = speak(referenceKernel, 7, 1, [1])
    const actual = speak(kernel, 7, 1, [1])
    expect(rms(expected)).toBeGreaterThan(1e-3)
    for (let i = 0; i < expected.length; i++)
      expect(Math.abs(expected[i]! - actual[i]!)).toBeLessThan(precision === 'int8' ? 1e-2 : 1e-4)
  })

  test('samples do not depend on how frames are cut into calls', () => {
    const whole = speak(kernel, 11, 24, [24])
    expect(speak(kernel, 11, 24, [1])).toEqual(whole)
    expect(speak(kernel, 11, 24, [3, 1, 5])).toEqual(whole)
  })

  test('a seed gives its own samples', () => {
    const a = speak(kernel, 1, 3, [3])
    expect(speak(kernel, 1, 3, [3])).toEqual(a)
    expect(speak(kernel, 2, 3, [3])).not.toEqual(a)
    expect(a.every(Number.isFinite)).toBe(true)
  })

  test('streams of one model do not disturb one another', () => {
    const model = kernel.createModel(randomWeights(small, 5), { precision })
    const blocks = randomFrameBlocks(small, 6, 6)
    const generate = (streams: readonly KernelStream[]) => {
      const outs = streams.map(() => new Float32Array(6 * HOP))
      for (let j = 0; j < 6; j++) {
        for (const [i, s] of streams.entries()) s.generate(blocks, j, 1, outs[i]!, j * HOP)
      }
      return outs
    }
    const [a, b] = generate([model.open(1), model.open(2)])
    const closed = model.open(3)
    generate([closed])
    closed.close()
    const [again] = generate([model.open(1)])
    const [other] = generate([model.open(2)])
    expect(again).toEqual(a)
    expect(other).toEqual(b)
    model.close()
  })

  test('temperature 0 takes the noise away', () => {
    const still = { voiced: [0, 0, 0, 0], unvoiced: [0, 0, 0, 0] }
    const weights = randomWeights(small, 5)
    // One component: the draw that picks it cannot matter.
    for (const bias of weights.outputBias) bias.fill(100, 0, 1)
    const model = kernel.createModel(weights, { temperature: still, precision })
    const blocks = randomFrameBlocks(small, 3, 6)
    const outs = [1, 2].map((seed) => {
      const out = new Float32Array(3 * HOP)
      model.open(seed).generate(blocks, 0, 3, out, 0)
      return out
    })
    expect(outs[0]).toEqual(outs[1])
    model.close()
  })

  test('closing twice is safe, a closed stream refuses to run', () => {
    const model = kernel.createModel(randomWeights(small, 5), { precision })
    const stream = model.open(1)
    stream.close()
    stream.close()
    if (name !== 'reference') {
      const run = () => stream.generate(randomFrameBlocks(small, 1, 6), 0, 1, new Float32Array(HOP), 0)
      expect(run).toThrow('close')
    }
    model.close()
    model.close()
  })

  test.runIf(name !== 'reference')('a stream takes less than 48 KB beside the weights, at the default size', () => {
    const model = kernel.createModel(randomWeights(netConfigSchema.parse({}), 5), { precision })
    // The past of four bands and of their residuals alone is 32 KB.
    expect(model.streamBytes).toBeGreaterThan(32 * 1024)
    expect(model.streamBytes).toBeLessThan(48 * 1024)
    model.close()
  })

  test.runIf(name !== 'reference')('generating leaves no garbage', () => {
    const model = kernel.createModel(randomWeights(small, 5), { precision })
    const stream = model.open(1)
    const blocks = randomFrameBlocks(small, 1, 6)
    const jobs = [{ stream, frames: blocks, from: 0, out: new Float32Array(HOP), at: 0 }]
    const run = (times: number) => {
      for (let i = 0; i < times; i++) {
        stream.generate(blocks, 0, 1, jobs[0]!.out, 0)
        model.generateMany(jobs, 1)
      }
    }
    // Compilation leaves garbage of its own for a while, so the best of some rounds counts.
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round < 20 && least >= GARBAGE; round++) {
      collectGarbage()
      const before = process.memoryUsage().heapUsed
      run(500)
      least = Math.min(least, process.memoryUsage().heapUsed - before)
    }
    expect(least).toBeLessThan(GARBAGE)
    model.close()
  })

  test.runIf(kernel.backend === 'native')('the parts of a step are timed from the first question on', () => {
    const model = kernel.createModel(randomWeights(small, 5), { precision })
    const blocks = randomFrameBlocks(small, 1, 6)
    const jobs = Array.from({ length: 9 }, (_, i) => ({
      stream: model.open(i),
      frames: blocks,
      from: 0,
      out: new Float32Array(HOP),
      at: 0,
    }))
    model.generateMany(jobs, 1)
    expect([...model.partTicks!()]).toEqual(STEP_PARTS.map(() => 0))
    model.generateMany(jobs, 1)
    for (const ticks of model.partTicks!()) expect(ticks).toBeGreaterThan(0)
    model.close()
  })

  test.runIf(kernel.backend === 'native')('arrays that are too short are refused', () => {
    const model = kernel.createModel(randomWeights(small, 5), { precision })
    const stream = model.open(1)
    const blocks = randomFrameBlocks(small, 1, 6)
    expect(() => stream.generate(blocks, 0, 2, new Float32Array(2 * HOP), 0)).toThrow('too short')
    expect(() => stream.generate(blocks, 0, 1, new Float32Array(HOP), 1)).toThrow('too short')
    model.close()
  })
})

const exact = {
  exp: Math.exp,
  sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
  tanh: Math.tanh,
}
const wasmModule = () =>
  new WebAssembly.Module(readFileSync(join(PACKAGE_ROOT, 'build/wasm/vocoder.wasm')) as Uint8Array)
/** Relative of exp, absolute of the others. */
const BOUNDS = { exp: 2e-7, sigmoid: 3e-7, tanh: 3e-7 }
interface Approximation {
  readonly name: string
  apply(which: keyof typeof exact, values: Float32Array): void
  readonly bounds?: Readonly<Partial<Record<keyof typeof exact, number>>>
}
const approximations: Approximation[] = [
  ...nativeIsas()
    .filter((i) => i.supported)
    .map(({ name }) => ({ name, apply: (w: keyof typeof exact, v: Float32Array) => nativeActivate(name, w, v) })),
  ...availableKernels().flatMap(({ name, isa, precisions }) =>
    isa && precisions.includes('int8')
      ? [
          {
            name: `${name}, int8`,
            apply: (w: keyof typeof exact, v: Float32Array) => nativeActivate(isa, w, v, 'int8'),
            bounds: { sigmoid: 3e-7, tanh: 5e-7 },
          },
        ]
      : [],
  ),
  { name: 'wasm', apply: (w: keyof typeof exact, v: Float32Array) => wasmActivate(wasmModule(), w, v) },
]

test.each(approximations)('$name: exp, sigmoid and tanh keep their stated errors', ({ apply, bounds = BOUNDS }) => {
  for (const which of Object.keys(bounds) as (keyof typeof exact)[]) {
    const x = Float32Array.from({ length: 16000 }, (_, i) => (i - 8000) / 100)
    const y = x.slice()
    apply(which, y)
    let worst = 0
    for (let i = 0; i < x.length; i++) {
      const want = exact[which](x[i]!)
      const error = Math.abs(y[i]! - want) / (which === 'exp' ? want : 1)
      worst = Math.max(worst, error)
    }
    expect(worst).toBeLessThan(bounds[which]!)
  }
})
