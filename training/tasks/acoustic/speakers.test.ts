/** A net of several speakers: training adds them to a net of one, the export and the layers speak as each, and as mixtures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { SPEAKER_FIELDS } from 'sparsewave/internal/acoustic/net/config'
import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { ENVELOPE_POINTS } from 'sparsewave/internal/frames'
import { availableLayers } from 'sparsewave/internal/layers/index'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadTfjs } from '../../engines/tfjs.ts'
import { random } from './batches.ts'
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts'
import { Predictor } from './evaluate.ts'
import { createExample, measureSpeakerPitch } from './example.ts'
import { exportAcoustic } from './export.ts'
import { extend } from './extend.ts'
import { openCheckpoint } from './open.ts'
import { sharpeningOf } from './sharpen.ts'
import { madeUp, TINY } from './testing.ts'
import { initialCheckpoint } from './trainer.ts'

const SPEAKERS = ['ada', 'bo', 'cy']
const PHONEMES = 'ab a bab'
const CONFIG = { ...TINY, speakers: SPEAKERS }
const next = random(5)
const normalization = {
  pitchMean: 5,
  pitchSpread: 0.3,
  envelopeMean: Float32Array.from({ length: ENVELOPE_POINTS }, (_, k) => -10 + k / 16),
  envelopeSpread: 2,
  speakerPitch: [0, -0.5, 0.25],
}
const SHARPENING = sharpeningOf(
  SPEAKERS.map((_, s) => Float32Array.from({ length: ENVELOPE_POINTS }, (_, k) => -9 + s - k / 30)),
  SPEAKERS.map((_, s) => Array.from({ length: ENVELOPE_POINTS }, (_, c) => 1 + ((1 + s) * c) / 100)),
  0.3,
)
const initial = initialCheckpoint(CONFIG, normalization, 1)
const average = Object.fromEntries(
  parametersOf(CONFIG).map(({ name, shape }) => [
    name,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (next() - 0.5) * 1.2),
  ]),
)
average['duration.out.bias']![0] = 0.8
const checkpoint: Checkpoint = { ...initial, average }

let dir: string
let file: string
let model: AcousticModel
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'speakers-'))
  writeCheckpoint(dir, checkpoint)
  mkdirSync(path.join(dir, 'voice'))
  file = path.join(dir, 'voice', 'acoustic.onnx')
  const manifest = exportAcoustic(dir, file, { half: false, sharpening: SHARPENING })
  expect(manifest.speakers).toEqual(SPEAKERS)
  model = await AcousticModel.load(file, manifest, { layers: null })
})
afterAll(async () => {
  await model.close()
  rmSync(dir, { recursive: true })
})

test.each(SPEAKERS)('the exported graph speaks as the trained net does: %s', async (name) => {
  const { frames, durations } = await model.predict(PHONEMES, { speaker: { [name]: 1 } })
  const { tf } = await loadTfjs({ backend: 'cpu' })
  const utterance = {
    id: 'x',
    audio: '',
    samples: undefined,
    text: '',
    phonemes: PHONEMES,
    durations: Array.from(durations, (d) => d / 5),
    speaker: name,
  }
  const example = createExample(CONFIG, utterance, {
    count: frames.count,
    f0: new Float32Array(frames.count),
    envelope: new Float32Array(frames.count * ENVELOPE_POINTS),
  })
  const expected = new Predictor(tf, checkpoint).teacherForced(example, SHARPENING)
  expect(Array.from(expected.durations, (d) => Math.max(1, Math.round(d)))).toEqual(utterance.durations)
  frames.f0.forEach((f0, i) => {
    expect(f0).toBeCloseTo(expected.frames.f0[i]!, 2)
  })
  frames.envelope.forEach((v, i) => {
    expect(v).toBeCloseTo(expected.frames.envelope[i]!, 3)
  })
})

test('speakers differ, and the first one speaks when none is named', async () => {
  const all = await Promise.all(SPEAKERS.map((name) => model.predict(PHONEMES, { speaker: { [name]: 1 } })))
  expect(all[1]!.frames.envelope).not.toEqual(all[0]!.frames.envelope)
  expect(await model.predict(PHONEMES)).toEqual(all[0])
  await expect(model.predict(PHONEMES, { speaker: { dan: 1 } })).rejects.toMatchObject({ code: 'VOICE_MISMATCH' })
})

test.each(availableLayers())('layers ($name) predict what the graph does, mixtures too', async (layers) => {
  const native = await AcousticModel.load(file, { symbols: TINY.symbols, speakers: SPEAKERS }, { layers })
  for (const speaker of [{ ada: 1 }, { bo: 1 }, { bo: 3, cy: 1 }]) {
    const wanted = await model.predict(PHONEMES, { speaker })
    const { frames, durations } = await native.predict(PHONEMES, { speaker })
    expect(durations).toEqual(wanted.durations)
    frames.f0.forEach((f0, i) => {
      expect(Math.abs(f0 - wanted.frames.f0[i]!)).toBeLessThan(1e-3 * wanted.frames.f0[i]! + 1e-9)
    })
    frames.envelope.forEach((v, i) => {
      expect(Math.abs(v - wanted.frames.envelope[i]!)).toBeLessThan(1e-2)
    })
  }
  await native.close()
})

test('training can go on from a package of several speakers', () => {
  writeFileSync(path.join(dir, 'voice', 'voice.json'), '{}')
  const read = openCheckpoint(path.join(dir, 'voice'))
  expect(read.config).toEqual(CONFIG)
  expect(read.normalization.speakerPitch).toEqual(normalization.speakerPitch)
  expect(read.average['speakers.table']).toEqual(average['speakers.table'])
})

test('a net of one voice that learns others starts as the voice that it was', async () => {
  const { tf } = await loadTfjs({ backend: 'cpu' })
  const one = initialCheckpoint(TINY, { ...normalization, speakerPitch: [] }, 3)
  const grown = extend(one, initialCheckpoint({ ...CONFIG, symbols: `${TINY.symbols}c` }, normalization, 4), 'one')
  const example = madeUp(1, 6)
  const before = new Predictor(tf, one).teacherForced(example)
  expect(new Predictor(tf, grown).teacherForced(example)).toEqual(before)
  expect(grown.parameters['encoder.symbols.table']!.length).toBe(5 * TINY.channels)
})

test('a new speaker begins as the mean of those that are known', () => {
  const more = extend(
    checkpoint,
    initialCheckpoint({ ...CONFIG, speakers: [...SPEAKERS, 'dan'] }, normalization, 4),
    'x',
  )
  const table = more.parameters['speakers.table']!
  for (let k = 0; k < SPEAKER_FIELDS; k++) {
    const known = [0, 1, 2].map((s) => average['speakers.table']![s * SPEAKER_FIELDS + k]!)
    expect(table[3 * SPEAKER_FIELDS + k]).toBeCloseTo((known[0]! + known[1]! + known[2]!) / 3, 5)
  }
})

test.each([
  ['other symbols', { ...CONFIG, symbols: ' ba' }],
  ['speakers in another order', { ...CONFIG, speakers: ['bo', 'ada', 'cy'] }],
  ['another shape', { ...CONFIG, channels: 12 }],
])('a net is not continued with %s', (_, config) => {
  expect(() => extend(checkpoint, initialCheckpoint(config, normalization, 1), 'runs/x')).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringContaining('runs/x') }),
  )
})

test('pitch is measured by speaker, and an utterance of somebody else is refused', () => {
  const of = (speaker: number, hertz: number) => {
    const example = madeUp(speaker, 4)
    return { ...example, speaker, lnF0: example.lnF0.map(() => Math.log(hertz)) }
  }
  const offsets = measureSpeakerPitch([of(0, 200), of(1, 100)], 3, Math.log(200))
  expect(offsets[0]).toBeCloseTo(0, 5)
  expect(offsets[1]).toBeCloseTo(-Math.log(2), 5)
  expect(offsets[2]).toBe(0)
  const utterance = {
    id: 'u1',
    audio: '',
    samples: undefined,
    text: '',
    phonemes: 'a',
    durations: [1, 1, 1],
    speaker: 'eve',
  }
  const frames = { count: 15, f0: new Float32Array(15), envelope: new Float32Array(15 * ENVELOPE_POINTS) }
  expect(() => createExample(CONFIG, utterance, frames)).toThrow(
    expect.objectContaining({ code: 'CORPUS_INVALID', message: expect.stringContaining('eve') }),
  )
})
