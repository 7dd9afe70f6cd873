import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { ENVELOPE_POINTS } from 'sparsewave/internal/frames'
import { availableLayers } from 'sparsewave/internal/layers/index'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadTfjs, type Tf } from '../../engines/tfjs.ts'
import { createBatch, random } from './batches.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { FRAMES_PER_UNIT } from './config.ts'
import { symbolIds } from './example.ts'
import { exportAcoustic } from './export.ts'
import { forward } from './forward.ts'
import { openCheckpoint } from './open.ts'
import { sharpen, sharpeningOf } from './sharpen.ts'
import { TINY } from './testing.ts'
import { initialCheckpoint } from './trainer.ts'

const PHONEMES = 'ab a bab'
let tf: Tf
let dir: string
let model: AcousticModel
const next = random(11)
const normalization = {
  pitchMean: 5,
  pitchSpread: 0.3,
  envelopeMean: Float32Array.from({ length: ENVELOPE_POINTS }, (_, k) => -10 + k / 16),
  envelopeSpread: 2,
  speakerPitch: [],
}
const SHARPENING = sharpeningOf(
  [Float32Array.from({ length: ENVELOPE_POINTS }, (_, k) => -9 - k / 30)],
  [Array.from({ length: ENVELOPE_POINTS }, (_, c) => 1 + c / 60)],
  0.3,
)
const checkpoint = (() => {
  const initial = initialCheckpoint(TINY, normalization, 1)
  // Averages that differ from the parameters, biases included, so that what is exported is told apart.
  const average = Object.fromEntries(
    parametersOf(TINY).map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [name, Float32Array.from({ length: size }, () => (next() - 0.5) * 1.2)]
    }),
  )
  average['duration.out.bias']![0] = 0.8
  return { ...initial, average }
})()

beforeAll(async () => {
  tf = (await loadTfjs({ backend: 'cpu' })).tf
  dir = mkdtempSync(path.join(tmpdir(), 'acoustic-'))
  writeCheckpoint(dir, checkpoint)
  const file = path.join(dir, 'acoustic.onnx')
  const manifest = exportAcoustic(dir, file, { half: false, sharpening: SHARPENING })
  model = await AcousticModel.load(file, manifest, { layers: null })
})
afterAll(async () => {
  await model.close()
  rmSync(dir, { recursive: true })
})

test('the exported graph predicts what the trained net does', async () => {
  const { frames, durations } = await model.predict(PHONEMES)
  const units = durations.map((d) => d / FRAMES_PER_UNIT)
  const total = units.reduce((a, b) => a + b, 0)
  expect(new Set(units).size).toBeGreaterThan(1)
  expect(frames.count).toBe(total * FRAMES_PER_UNIT)

  const { pitchMean, pitchSpread, envelopeMean, envelopeSpread } = normalization
  const run = (lnF0: Float32Array, voiced: Uint8Array) =>
    tf.tidy(() => {
      const ids = symbolIds(TINY.symbols, PHONEMES)
      const envelope = new Float32Array(frames.count * ENVELOPE_POINTS)
      const example = { id: 'x', speaker: 0, ids, durations: units, units: total, lnF0, voiced, envelope }
      const parameter = tensors()
      const out = forward({ tf, config: TINY, parameter }, createBatch([example], normalization))
      return { durations: out.lnDurations.dataSync(), pitch: out.pitch.dataSync(), envelope: out.envelope.dataSync() }
    })
  const first = run(new Float32Array(frames.count), new Uint8Array(frames.count))
  expect([...first.durations].map((v) => Math.max(1, Math.round(Math.exp(v))))).toEqual([...units])
  const at = (frame: number) => Math.floor(frame / FRAMES_PER_UNIT) * 2 * FRAMES_PER_UNIT + (frame % FRAMES_PER_UNIT)
  const lnF0 = frames.f0.map((_, i) => pitchMean + pitchSpread * first.pitch[at(i)]!)
  const voiced = Uint8Array.from(frames.f0, (_, i) => (first.pitch[at(i) + FRAMES_PER_UNIT]! > 0 ? 1 : 0))
  expect(voiced).toContain(0)
  expect(voiced).toContain(1)
  frames.f0.forEach((f0, i) => {
    expect(f0).toBeCloseTo(voiced[i] ? Math.exp(lnF0[i]!) : 0, 2)
  })
  const { envelope } = run(lnF0, voiced)
  const smooth = Float32Array.from(envelope, (v, i) => envelopeSpread * v + envelopeMean[i % ENVELOPE_POINTS]!)
  const expected = sharpen(smooth, SHARPENING, 0)
  frames.envelope.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i]!, 3)
  })
})

test.each(availableLayers())('layers ($name) predict what the graph does', async (layers) => {
  const file = path.join(dir, 'acoustic.onnx')
  const native = await AcousticModel.load(file, { symbols: TINY.symbols }, { layers })
  for (const options of [{}, { rate: 0.7, pitch: 1.2 }, { rate: 3.7 }]) {
    const wanted = await model.predict(PHONEMES, options)
    const { frames, durations } = await native.predict(PHONEMES, options)
    expect(durations).toEqual(wanted.durations)
    frames.f0.forEach((f0, i) => {
      expect(Math.abs(f0 - wanted.frames.f0[i]!)).toBeLessThan(1e-3 * wanted.frames.f0[i]! + 1e-9)
    })
    // The weights of 11 to 16 bits and inputs of 14.
    frames.envelope.forEach((v, i) => {
      expect(Math.abs(v - wanted.frames.envelope[i]!)).toBeLessThan(5e-3)
    })
  }
  // Memory that an earlier prediction has used changes nothing.
  expect(await native.predict(PHONEMES)).toEqual(await native.predict(PHONEMES))
  await native.close()
})

test('matrices stored as f16 halve the file and change little', async () => {
  const plain = await model.predict(PHONEMES)
  const file = path.join(dir, 'half.onnx')
  const manifest = exportAcoustic(dir, file, { sharpening: SHARPENING })
  const half = await AcousticModel.load(file, manifest, { layers: null })
  const { frames, durations } = await half.predict(PHONEMES)
  await half.close()
  expect(durations).toEqual(plain.durations)
  let error = 0
  frames.envelope.forEach((v, i) => {
    error += Math.abs(v - plain.frames.envelope[i]!) / frames.envelope.length
  })
  expect(error).toBeGreaterThan(0)
  expect(error).toBeLessThan(0.01)
})

test('pitch scales F0 and nothing else', async () => {
  const plain = await model.predict(PHONEMES)
  const high = await model.predict(PHONEMES, { pitch: 2 })
  expect(high.durations).toEqual(plain.durations)
  expect(high.frames.envelope).toEqual(plain.frames.envelope)
  for (let i = 0; i < plain.frames.count; i++) expect(high.frames.f0[i]).toBeCloseTo(2 * plain.frames.f0[i]!, 2)
})

test('speech at a rate has exactly its length', async () => {
  const plain = await model.predict(PHONEMES)
  for (const rate of [0.25, 0.5, 0.9, 1.1, 1.5, 2, 2.5, 3, 3.7, 4]) {
    const { durations, frames } = await model.predict(PHONEMES, { rate })
    expect(durations.reduce((a, b) => a + b, 0)).toBe(frames.count)
    expect(Math.abs(frames.count - plain.frames.count / rate)).toBeLessThanOrEqual(0.5)
  }
})

test('long sounds give way to a rate, those of one unit hardly', async () => {
  const plain = await model.predict(PHONEMES)
  const fast = await model.predict(PHONEMES, { rate: 2 })
  const longest = plain.durations.indexOf(Math.max(...plain.durations))
  const shortest = plain.durations.indexOf(Math.min(...plain.durations))
  const share = (i: number) => fast.durations[i]! / plain.durations[i]!
  expect(plain.durations[shortest]!).toBeLessThan(plain.durations[longest]!)
  expect(share(longest)).toBeLessThan(share(shortest))
})

test('unknown symbols are skipped; nothing to speak is refused', async () => {
  expect((await model.predict('aXb')).phonemes).toBe('ab')
  expect(await model.predict('aXb')).toEqual(await model.predict('ab'))
  for (const nothing of ['', ' ', 'XYZ'])
    await expect(model.predict(nothing)).rejects.toMatchObject({ code: 'INPUT_EMPTY' })
})

test('a checkpoint reads back as it was written, and damage is refused by name', () => {
  const file = path.join(dir, 'checkpoint.safetensors')
  expect(readCheckpoint(file)).toEqual(checkpoint)
  const damaged = path.join(dir, 'damaged.safetensors')
  writeFileSync(damaged, readFileSync(file).subarray(0, 1000))
  expect(() => readCheckpoint(damaged)).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringContaining(damaged) }),
  )
})

test('a file that is another model is refused', async () => {
  await expect(AcousticModel.load(path.join(dir, 'none.onnx'), { symbols: 'a' })).rejects.toMatchObject({
    code: 'VOICE_DAMAGED',
  })
})

function tensors() {
  const shapes = new Map(parametersOf(TINY).map((p) => [p.name, [...p.shape]]))
  return (name: string) => tf.tensor(checkpoint.average[name]!, shapes.get(name)!)
}

test('training can go on from a package: parameters to f16, normalisation exactly', () => {
  const voice = path.join(dir, 'voice')
  mkdirSync(voice)
  exportAcoustic(dir, path.join(voice, 'acoustic.onnx'), { sharpening: SHARPENING })
  writeFileSync(path.join(voice, 'voice.json'), '{}')
  const read = openCheckpoint(voice)
  expect(read.config).toEqual(TINY)
  expect(read.normalization).toEqual({
    ...normalization,
    pitchSpread: Math.fround(normalization.pitchSpread),
  })
  for (const [name, values] of Object.entries(checkpoint.average)) {
    const got = read.average[name]!
    expect(got.length).toBe(values.length)
    // Half a unit in the last place of 11 bits, of values below 1.
    for (const [i, v] of values.entries()) expect(Math.abs(v - got[i]!)).toBeLessThanOrEqual(2 ** -12)
  }
  expect(read.parameters).toEqual(read.average)
})
