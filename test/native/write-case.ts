/**
 * Writes case files for test/native/infer.cpp: a model's image, frames, and a teacher-forced run with the reference's outputs.
 *
 *     node dist/test/native/write-case.js FOLDER
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { modelImage } from '../../src/kernels/image.ts'
import { NEUTRAL_TEMPERATURE } from '../../src/kernels/kernel.ts'
import { referenceKernel } from '../../src/kernels/reference.ts'
import { Random } from '../../src/random.ts'
import { BANDS, type NetConfig, netConfigSchema, STEP_INPUTS } from '../../src/vocoder/sparse-wavernn/config.ts'
import { randomFrameBlocks, randomWeights } from '../../src/vocoder/sparse-wavernn/random-weights.ts'

const share = (all: number) => ({ reset: all, update: all, candidate: all, input: all, head: all })
const SHAPES: Readonly<Record<string, NetConfig>> = {
  'one-block': netConfigSchema.parse({ hidden: 48, headHidden: 16, density: share(1e-9) }),
  small: netConfigSchema.parse({ hidden: 96, headHidden: 32 }),
  'wide-heads': netConfigSchema.parse({ hidden: 16, headHidden: 128 }),
  full: netConfigSchema.parse({ hidden: 80, headHidden: 48, density: share(1) }),
  // For counting instructions: the size of the shipped voice.
  standard: netConfigSchema.parse({}),
}
const FRAMES = 24
const FORCED = 2

const folder = process.argv[2] ?? ''
if (!folder) {
  console.error('usage: write-case FOLDER')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
for (const [name, config] of Object.entries(SHAPES)) {
  const random = new Random(3, 9)
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())
  const weights = randomWeights(config, 3)
  const { header, values, columns } = modelImage(weights, NEUTRAL_TEMPERATURE)
  const f = randomFrameBlocks(config, FRAMES, 4)
  const steps = FORCED * 30
  const forced = {
    steps,
    inputs: normals(steps * STEP_INPUTS.count),
    gates: normals(FORCED * 3 * config.hidden),
    residuals: normals(steps * BANDS),
  }
  const expected = referenceKernel.createModel(weights).outputs(forced)
  const { gates, lpc, gain, inverseLevel, lag, phaseIncrement } = f
  const arrays = [header, values, columns, gates, lpc, gain, inverseLevel, lag, phaseIncrement]
  const parts = [...arrays, forced.inputs, forced.gates, forced.residuals, expected].flatMap((a) => [
    Buffer.from(Int32Array.of(a.byteLength).buffer),
    Buffer.from(a.buffer, a.byteOffset, a.byteLength),
  ])
  writeFileSync(join(folder, `${name}.case`), Buffer.concat(parts))
  // The fuzz target's order: header, columns, values.
  const seed = [header, columns, values].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))
  writeFileSync(join(folder, `${name}.seed`), Buffer.concat(seed))
}
