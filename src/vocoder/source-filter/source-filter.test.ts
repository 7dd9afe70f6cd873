import { expect, test } from 'vitest'
import { analyze, estimateF0 } from '../../analysis/index.ts'
import { createFrames, ENVELOPE_HZ, ENVELOPE_POINTS, type Frames, HOP, sliceFrames } from '../../frames.ts'
import { createSourceFilter } from './index.ts'

/** Voiced, unvoiced and silent stretches with a formant. */
function sampleFrames(count: number): Frames {
  const frames = createFrames(count)
  for (let i = 0; i < count; i++) {
    const kind = Math.floor(i / 23) % 3
    frames.f0[i] = kind === 0 ? 150 + 60 * Math.sin(i / 9) : 0
    for (let k = 0; k < ENVELOPE_POINTS; k++)
      frames.envelope[i * ENVELOPE_POINTS + k] = kind === 2 ? -23 : -6 - ((ENVELOPE_HZ[k]! - 700) / 1500) ** 2 * 0.2
  }
  return frames
}

function steadyFrames(count: number, f0: number, level: number): Frames {
  const frames = createFrames(count)
  frames.f0.fill(f0)
  frames.envelope.fill(level)
  return frames
}

async function synthesize(frames: Frames, seed = 1): Promise<Float32Array> {
  const stream = createSourceFilter().open({ seed })
  await stream.push(frames)
  await stream.end()
  const out = new Float32Array(frames.count * HOP + 500)
  const n = stream.read(out)
  expect(stream.read(out.subarray(n))).toBe(0)
  stream.close()
  stream.close()
  return out.subarray(0, n)
}

const meanSquare = (x: Float32Array): number => x.reduce((sum, v) => sum + v * v, 0) / x.length

test('n frames make exactly n hops of samples', async () => {
  for (const n of [0, 1, 2, 3, 50, 201]) expect((await synthesize(sampleFrames(n))).length).toBe(n * HOP)
})

test('the samples do not depend on the sizes pushed and read', async () => {
  const frames = sampleFrames(200)
  const whole = await synthesize(frames)
  const stream = createSourceFilter().open({ seed: 1 })
  const out = new Float32Array(frames.count * HOP)
  let at = 0
  let pushed = 0
  for (let turn = 1; pushed < frames.count; turn++) {
    const next = Math.min(frames.count, pushed + ((turn * 7) % 11))
    await stream.push(sliceFrames(frames, pushed, next))
    pushed = next
    for (let size = 1 + ((turn * 131) % 977); ; ) {
      const n = stream.read(out.subarray(at, Math.min(out.length, at + size)))
      at += n
      if (n < size) break
    }
  }
  await stream.end()
  while (at < out.length) {
    const n = stream.read(out.subarray(at, Math.min(out.length, at + 333)))
    expect(n).toBeGreaterThan(0)
    at += n
  }
  expect(out).toEqual(whole)
})

test('sound comes before the stream has ended, at most 30 ms behind the frames', async () => {
  const stream = createSourceFilter().open({ seed: 1 })
  await stream.push(steadyFrames(20, 100, -6))
  expect(stream.read(new Float32Array(5000))).toBeGreaterThan(20 * HOP - 720)
  stream.close()
})

test('the seed decides the noise and nothing else', async () => {
  const frames = sampleFrames(100)
  expect(await synthesize(frames, 5)).toEqual(await synthesize(frames, 5))
  expect(await synthesize(frames, 6)).not.toEqual(await synthesize(frames, 5))
})

for (const f0 of [0, 80, 131.7, 300]) {
  test(`the power of the signal is the mean of the envelope at F0 ${f0}`, async () => {
    const x = await synthesize(steadyFrames(400, f0, Math.log(0.001)))
    expect(10 * Math.log10(meanSquare(x.subarray(4800, 43200)) / 0.001)).toBeCloseTo(0, 0)
  })
}

test('the pitch of the frames is heard', async () => {
  const f0 = estimateF0(await synthesize(steadyFrames(100, 187, -6)))
  for (let i = 10; i < 90; i++) expect(Math.abs(f0[i]! / 187 - 1)).toBeLessThan(0.003)
})

test('silent frames give silence, without an offset', async () => {
  const x = await synthesize(steadyFrames(100, 0, -23))
  expect(meanSquare(x)).toBeLessThan(3e-10)
  const voiced = await synthesize(steadyFrames(200, 120, -6))
  expect(Math.abs(voiced.subarray(12000).reduce((s, v) => s + v, 0) / 12000)).toBeLessThan(2e-3)
})

test('analysis finds the envelope that was synthesised', async () => {
  const frames = createFrames(200)
  frames.f0.fill(140)
  for (let i = 0; i < frames.count; i++)
    for (let k = 0; k < ENVELOPE_POINTS; k++)
      frames.envelope[i * ENVELOPE_POINTS + k] = -5 + Math.log(0.02 + 1 / (1 + ((ENVELOPE_HZ[k]! - 1200) / 500) ** 2))
  const found = analyze(await synthesize(frames))
  let error = 0
  let count = 0
  for (let i = 50; i < 150; i++)
    for (let k = 2; k < ENVELOPE_POINTS - 2; k++) {
      error += Math.abs(found.envelope[i * ENVELOPE_POINTS + k]! - frames.envelope[i * ENVELOPE_POINTS + k]!)
      count++
    }
  expect(error / count).toBeLessThan(0.35)
})
