import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { createFrames, HOP, sliceFrames } from '../../frames.ts'
import { chooseKernel } from '../../kernels/index.ts'
import { availableLayers } from '../../layers/index.ts'
import { loadOnnx } from '../../onnx/runtime.ts'
import { Random } from '../../random.ts'
import { loadVoice, type Voice } from '../../voices/index.ts'
import { FRAME_FEATURES } from './config.ts'
import { writeFrameFeatures } from './frame-parameters.ts'
import { createSparseWavernn } from './index.ts'
import { layeredConditioning } from './layered-conditioning.ts'

const COUNT = 40
const frames = createFrames(COUNT)
const random = new Random(2)
for (let i = 0; i < COUNT; i++) {
  frames.f0[i] = i % 20 < 12 ? 180 + i : 0
  for (let k = 0; k < 64; k++) frames.envelope[i * 64 + k] = -7 - k / 9 + 0.4 * random.normal()
}
const features = new Float32Array(COUNT * FRAME_FEATURES)
for (let i = 0; i < COUNT; i++) writeFrameFeatures(frames, i, features, i * FRAME_FEATURES)

let voice: Voice
beforeAll(async () => {
  voice = await loadVoice('heart')
})

test.each(availableLayers())('layers ($name) give the gate terms of the graph', async (layers) => {
  const file = voice.path('conditioning.onnx')
  const onnx = await loadOnnx(file)
  const layered = layeredConditioning(file, layers)!
  for (const count of [1, 5, 16]) {
    const window = features.slice(0, (count + 2) * FRAME_FEATURES)
    const { gates } = await onnx.run({ frames: { data: window, dims: [count + 2, FRAME_FEATURES] } })
    const got = await layered.run(window, count)
    expect(got.length).toBe(count * layered.width)
    // Gate terms are of the size of 1.
    ;(gates!.data as Float32Array).forEach((v, i) => {
      expect(Math.abs(got[i]! - v)).toBeLessThan(0.01)
    })
  }
  await onnx.release()
  layered.close()
})

test.each(availableLayers())('on layers ($name), too, samples do not depend on how a stream is cut', async (layers) => {
  const vocoder = await createSparseWavernn({
    weights: readFileSync(voice.path('vocoder.safetensors')),
    conditioning: voice.path('conditioning.onnx'),
    kernel: chooseKernel('wasm').kernel,
    layers,
  })
  const speak = async (pieces: number, reads: number) => {
    const stream = vocoder.open({ seed: 5 })
    const out = new Float32Array(COUNT * HOP)
    let at = 0
    for (let from = 0; from < COUNT; from += pieces) {
      await stream.push(sliceFrames(frames, from, Math.min(COUNT, from + pieces)))
      if (from + pieces >= COUNT) await stream.end()
      for (let n = 1; n > 0; at += n) n = stream.read(out.subarray(at, at + reads))
    }
    stream.close()
    expect(at).toBe(out.length)
    return out
  }
  const whole = await speak(COUNT, COUNT * HOP)
  expect(whole.some((v) => Math.abs(v) > 1e-4)).toBe(true)
  expect(await speak(3, 100)).toEqual(whole)
  expect(await speak(11, 777)).toEqual(whole)
  vocoder.close()
})

test('a conditioning net of another size is refused, an unsupported one left to onnxruntime', async () => {
  const tiny = await loadVoice('tiny')
  await expect(
    createSparseWavernn({
      weights: readFileSync(voice.path('vocoder.safetensors')),
      conditioning: tiny.path('conditioning.onnx'),
      layers: availableLayers()[0]!,
    }),
  ).rejects.toMatchObject({ code: 'VOICE_MISMATCH' })
  expect(layeredConditioning(voice.path('acoustic.onnx'), availableLayers()[0]!)).toBeUndefined()
})
