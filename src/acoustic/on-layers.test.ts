import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENVELOPE_POINTS } from '../frames.ts'
import { availableLayers } from '../layers/index.ts'
import { phonemize } from '../text/index.ts'
import { loadVoice } from '../voices/index.ts'
import { AcousticModel } from './index.ts'
import { LayeredAcoustic } from './on-layers.ts'

const TEXTS = [
  'The harbour was quiet after the storm, and nobody spoke.',
  'Is that 42 dollars?',
  'No. She said that the red boats, which had been built in 1974, would never sail again; and they did not!',
]
let voice: Awaited<ReturnType<typeof loadVoice>>
let onnx: AcousticModel
beforeAll(async () => {
  voice = await loadVoice('heart')
  onnx = await AcousticModel.load(voice.path('acoustic.onnx'), voice.manifest, { layers: null })
})
afterAll(() => onnx.close())

test.each(availableLayers())('the shipped voice on layers ($name) speaks as its graph does', async (layers) => {
  const layered = await AcousticModel.load(voice.path('acoustic.onnx'), voice.manifest, { layers })
  let frames = 0
  let flipped = 0
  let f0 = 0
  let envelope = 0
  for (const text of TEXTS)
    for (const options of [{}, { rate: 1.3, pitch: 0.9 }]) {
      const { phonemes } = phonemize(text)
      const want = await onnx.predict(phonemes, options)
      const got = await layered.predict(phonemes, options)
      expect(got.durations).toEqual(want.durations)
      expect(got.phonemes).toBe(want.phonemes)
      frames += want.frames.count
      for (let i = 0; i < want.frames.count; i++) {
        const a = want.frames.f0[i]!
        const b = got.frames.f0[i]!
        if (a > 0 !== b > 0) flipped++
        else if (a > 0) f0 = Math.max(f0, Math.abs(b / a - 1))
      }
      got.frames.envelope.forEach((v, i) => {
        envelope += Math.abs(v - want.frames.envelope[i]!)
      })
    }
  await layered.close()
  expect(frames).toBeGreaterThan(2000)
  // Voicing is a threshold: a logit that is almost 0 may fall on the other side.
  expect(flipped).toBeLessThan(frames / 500)
  expect(f0).toBeLessThan(2e-3)
  // Nepers of power; .01 are .04 dB.
  expect(envelope / (frames * ENVELOPE_POINTS)).toBeLessThan(0.01)
})

test('a graph that layers do not support is left to onnxruntime', async () => {
  const tiny = await loadVoice('tiny')
  const layers = availableLayers()[0]!
  expect(await LayeredAcoustic.open(tiny.path('acoustic.onnx'), layers)).toBeUndefined()
  const model = await AcousticModel.load(tiny.path('acoustic.onnx'), tiny.manifest, { layers })
  expect((await model.predict('hˈæpi')).frames.count).toBeGreaterThan(10)
  await model.close()
})

test('predictions asked for at the same time are those made alone, and leave the thread to others', async () => {
  const layered = await AcousticModel.load(voice.path('acoustic.onnx'), voice.manifest, {
    layers: availableLayers()[0]!,
  })
  const phonemes = TEXTS.map((text) => phonemize(text).phonemes)
  const alone = []
  for (const p of phonemes) alone.push(await layered.predict(p))
  let others = 0
  const beside = setInterval(() => others++, 0)
  const long = layered.predict(phonemes.join(' ').repeat(6))
  expect(await Promise.all(phonemes.map((p) => layered.predict(p)))).toEqual(alone)
  await long
  clearInterval(beside)
  expect(others).toBeGreaterThan(2)
  await layered.close()
})
