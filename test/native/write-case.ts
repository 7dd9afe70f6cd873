/**
 * Writes case files for test/native/vocoder.cpp: a model's image, frames, and a teacher-forced run with the reference's outputs. One for
 * test/native/source-filter.cpp: events of source-filter synthesis, the definition's samples, and the same matched to another signal's levels.
 *
 *     node dist/test/native/write-case.js FOLDER
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENVELOPE_POINTS } from '../../src/frames.ts'
import { modelImage } from '../../src/kernels/image.ts'
import { PRECISIONS } from '../../src/kernels/kernel.ts'
import { referenceKernel } from '../../src/kernels/reference.ts'
import { Random } from '../../src/random.ts'
import { definitionEngine } from '../../src/vocoder/source-filter/engines/definition.ts'
import { createEvents, LEVEL_SIZE, LEVEL_STEP } from '../../src/vocoder/source-filter/engines/index.ts'
import { BIN_POINT, BIN_WEIGHT, LEAD, Shaper } from '../../src/vocoder/source-filter/shaper.ts'
import { BANDS, type NetConfig, netConfigSchema, STEP_INPUTS } from '../../src/vocoder/sparse-wavernn/config.ts'
import { randomFrameBlocks, randomWeights } from '../../src/vocoder/sparse-wavernn/random-weights.ts'

const densities = (all: number) => ({ reset: all, update: all, candidate: all, input: all, head: all })
const SHAPES: Readonly<Record<string, NetConfig>> = {
  'one-block': netConfigSchema.parse({ hidden: 48, headHidden: 16, density: densities(1e-9) }),
  small: netConfigSchema.parse({ hidden: 96, headHidden: 32 }),
  'wide-heads': netConfigSchema.parse({ hidden: 16, headHidden: 128 }),
  full: netConfigSchema.parse({ hidden: 80, headHidden: 48, density: densities(1) }),
  // For counting instructions: the size of the shipped voice.
  standard: netConfigSchema.parse({}),
}
const FRAMES = 24
const FORCED = 2
/** Bounds of level matching, as test/native/source-filter.cpp has them. */
const BOUNDS = { upper: 150, residual: 2 ** 0.25, overshoot: 2 }

const folder = process.argv[2] ?? ''
if (!folder) {
  console.error('usage: write-case FOLDER')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
/** Every array with the number of its bytes before it. */
const packed = (arrays: readonly ArrayBufferView[]): Buffer =>
  Buffer.concat(
    arrays.flatMap((a) => [
      Buffer.from(Int32Array.of(a.byteLength).buffer),
      Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    ]),
  )

for (const [name, config, precision] of Object.entries(SHAPES).flatMap(([shape, config]) =>
  PRECISIONS.map((p) => [p === 'f32' ? shape : `${shape}-${p}`, config, p] as const),
)) {
  const random = new Random(3, 9)
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())
  const weights = randomWeights(config, 3)
  const { header, values, columns, integers } = modelImage(weights, { precision })
  const f = randomFrameBlocks(config, FRAMES, 4)
  const steps = FORCED * 30
  const forced = {
    steps,
    inputs: normals(steps * STEP_INPUTS.count),
    gateTerms: normals(FORCED * 3 * config.hidden),
    residuals: normals(steps * BANDS),
  }
  const expected = referenceKernel.createModel(weights, { precision }).outputs(forced)
  const { gateTerms, lpc, gain, inverseLevel, lag, phaseIncrement } = f
  const arrays = [header, values, columns, integers, gateTerms, lpc, gain, inverseLevel, lag, phaseIncrement]
  writeFileSync(
    join(folder, `${name}.case`),
    packed([...arrays, forced.inputs, forced.gateTerms, forced.residuals, expected]),
  )
  // The fuzz target's order: header, columns, integers, values.
  const seed = [header, columns, integers, values].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))
  writeFileSync(join(folder, `${name}.seed`), Buffer.concat(seed))
}

writeFileSync(join(folder, 'source-filter.case'), sourceFilterCase())

/** A second of random events, voiced and not. */
function sourceFilterCase(): Buffer {
  const random = new Random(5)
  const events = createEvents(100)
  let at = 0
  while (events.count < events.capacity) {
    const i = events.count++
    const period = 40 + 400 * random.uniform() ** 2
    events.start[i] = Math.floor(at)
    events.delay[i] = at - Math.floor(at)
    events.period[i] = period
    events.length[i] = Math.floor(at + period) - Math.floor(at)
    events.voiced[i] = random.below(2)
    at += period
    for (let k = 0; k < ENVELOPE_POINTS; k++) events.envelope[i * ENVELOPE_POINTS + k] = -2 - 20 * random.uniform()
  }
  const first = 12345
  const engine = definitionEngine()
  const stream = engine.open(first)
  const samples = new Float32Array(Math.floor(at))
  const one = createEvents(1)
  one.count = 1
  let read = 0
  for (let i = 0; i < events.count; i++) {
    const final = Math.max(read, events.start[i]! - LEAD)
    stream.emit(samples, read, final - read)
    read = final
    for (const key of ['start', 'delay', 'period', 'length', 'voiced'] as const) one[key][0] = events[key][i]!
    one.envelope.set(events.envelope.subarray(i * ENVELOPE_POINTS, (i + 1) * ENVELOPE_POINTS))
    stream.add(one)
  }
  stream.emit(samples, read, samples.length - read)
  // The samples matched to the levels of the same samples in reverse.
  const target = samples.toReversed()
  const frames = Math.floor((samples.length - LEVEL_SIZE) / LEVEL_STEP) + 1
  const matched = new Float32Array(LEVEL_SIZE + (frames - 1) * LEVEL_STEP)
  for (let i = 0; i < frames; i++) {
    const at = i * LEVEL_STEP
    engine.matchLevels(1, samples.subarray(at), target.subarray(at), matched.subarray(at), BOUNDS)
  }
  const { start, delay, period, length, voiced, envelope } = events
  const { pulseRe, pulseIm, noiseRe, noiseIm } = new Shaper().spectra
  const tables = [BIN_POINT, BIN_WEIGHT, pulseRe, pulseIm, noiseRe, noiseIm]
  return packed([
    ...tables,
    Uint32Array.of(first),
    start,
    delay,
    period,
    length,
    voiced,
    envelope,
    samples,
    target,
    matched,
  ])
}
