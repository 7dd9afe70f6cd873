import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { referenceKernel } from 'sparsewave/internal/kernels/reference'
import { loadOnnx } from 'sparsewave/internal/onnx/runtime'
import { Random } from 'sparsewave/internal/random'
import {
  BANDS,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  netConfigSchema,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { parseWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import { expect, test } from 'vitest'
import { conditioningGates, createReferenceEngine } from '../engines/reference.ts'
import { splitExamples, syntheticBatch, syntheticMasks, syntheticParameters } from '../engines/synthetic.ts'
import { LANES } from '../net/engine.ts'
import { elementIndex, maskedSegments, parameterLayout, segment } from '../net/vocoder-layout.ts'
import { compactMatrix, exportConditioning, exportVocoder, prefixSums } from './index.ts'

const layout = parameterLayout(netConfigSchema.parse({ hidden: 48, headHidden: 32, conditioning: 32 }))
const parameters = syntheticParameters(layout, 2)
const masks = syntheticMasks(layout, 1)

test('prefix sums count the flags before each place', () => {
  expect([...prefixSums(Uint8Array.of(1, 0, 1, 1, 0))]).toEqual([0, 1, 1, 2, 3, 3])
  expect([...prefixSums(new Uint8Array(0))]).toEqual([0])
})

test('the compact matrix holds every kept block, in order, and nothing else', () => {
  for (const s of maskedSegments(layout)) {
    const mask = masks.get(s.name)!
    const m = compactMatrix(parameters.subarray(s.offset, s.offset + s.size), s, mask)
    expect(m.index).toEqual(mask)
    expect([m.rows, m.columns, m.kept, m.values.length]).toEqual([s.rows, s.columns, s.kept, mask.length * 16])
    for (const [i, column] of mask.entries())
      for (let r = 0; r < 16; r++)
        expect(m.values[i * 16 + r]).toBe(parameters[elementIndex(s, Math.floor(i / s.kept) * 16 + r, column)])
  }
})

test('a mask that does not fit its matrix is refused', () => {
  const s = maskedSegments(layout)[0]!
  const values = parameters.subarray(s.offset, s.offset + s.size)
  const mask = masks.get(s.name)!
  expect(() => compactMatrix(values, s, mask.slice(1))).toThrow(/entries/)
  expect(() => compactMatrix(values, s, mask.with(0, s.columns))).toThrow(/bad column/)
})

test('the compact net gives the outputs of the masked trainer on the same input', async () => {
  const batch = syntheticBatch(1, 120, 4)
  const engine = await createReferenceEngine(layout, { threads: 1 })
  const state = new Float32Array(layout.config.hidden * LANES)
  const want = await engine.outputs(parameters, masks, batch, state)
  // Weights outside the mask must not matter: the export never reads them.
  const poisoned = parameters.slice()
  for (const s of maskedSegments(layout)) {
    const kept = new Set([...masks.get(s.name)!.entries()].map(([i, c]) => Math.floor(i / s.kept) * s.columns + c))
    for (let block = 0; block < s.size / 16; block++)
      if (!kept.has(block)) poisoned.fill(1e6, s.offset + block * 16, s.offset + block * 16 + 16)
  }
  const model = referenceKernel.createModel(parseWeights(exportVocoder(layout, poisoned, masks)))
  const frames = batch.steps / STEPS_PER_FRAME
  const { inputs, targets } = splitExamples(batch)
  for (const lane of [0, 7, 15]) {
    const column = (data: Float32Array, size: number) =>
      Float32Array.from({ length: size }, (_, i) => data[i * LANES + lane]!)
    const features = column(batch.frames, (frames + 2) * FRAME_FEATURES)
    const got = model.outputs({
      steps: batch.steps,
      inputs: column(inputs, batch.steps * STEP_INPUTS.count),
      residuals: column(targets, batch.steps * BANDS),
      gateTerms: Float32Array.from(conditioningGates(layout, parameters, features)),
    })
    const expected = column(want, batch.steps * BANDS * HEAD_OUTPUTS)
    expect(Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThan(1e-4)
  }
  model.close()
})

test('conditioning.onnx takes raw features and gives the gate terms of the trainer', async () => {
  const random = new Random(9)
  const count = 7
  const std = new Float32Array(FRAME_FEATURES).map(() => 0.5 + random.uniform())
  const mean = new Float32Array(FRAME_FEATURES).map(() => 3 * random.normal())
  const raw = new Float32Array(count * FRAME_FEATURES).map(
    (_, i) => mean[i % FRAME_FEATURES]! + std[i % FRAME_FEATURES]! * random.normal(),
  )
  const normalised = raw.map((v, i) => (v - mean[i % FRAME_FEATURES]!) / std[i % FRAME_FEATURES]!)
  const dir = mkdtempSync(path.join(tmpdir(), 'conditioning-'))
  try {
    const file = path.join(dir, 'conditioning.onnx')
    writeFileSync(file, exportConditioning(layout, parameters, { mean, std }))
    const model = await loadOnnx(file)
    const { gates } = await model.run({ frames: { data: raw, dims: [count, FRAME_FEATURES] } })
    await model.release()
    expect(gates!.dims).toEqual([count - 2, 3 * layout.config.hidden])
    const want = conditioningGates(layout, parameters, normalised)
    expect(Math.max(...want.map((v, i) => Math.abs(v - Number(gates!.data[i]))))).toBeLessThan(1e-5)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('parameters that are not finite or of another net are refused, naming the tensor', () => {
  const bad = parameters.slice()
  bad[segment(layout, 'head.step.2.weight').offset + 5] = Number.NaN
  expect(() => exportVocoder(layout, bad, masks)).toThrow(/head\.step\.2\.weight.*not finite/)
  expect(() => exportVocoder(layout, parameters.slice(1), masks)).toThrow(/parameters where its net has/)
})
