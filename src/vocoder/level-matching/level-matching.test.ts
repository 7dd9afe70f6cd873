import { expect, test } from 'vitest'
import { createFrames, ENVELOPE_HZ, ENVELOPE_POINTS, type Frames, HOP, sliceFrames } from '../../frames.ts'
import { Random } from '../../random.ts'
import { availableEngines, type EventEngine } from '../source-filter/engines/index.ts'
import { createSourceFilter } from '../source-filter/index.ts'
import type { Vocoder } from '../vocoder.ts'
import { createLevelMatched, levelMatchingSchema } from './index.ts'

const frames = createFrames(157)
const random = new Random(8)
for (let j = 0; j < frames.count; j++) {
  frames.f0[j] = Math.floor(j / 40) % 2 === 0 ? 140 + j / 4 : 0
  for (let k = 0; k < ENVELOPE_POINTS; k++) frames.envelope[j * ENVELOPE_POINTS + k] = -5 - k / 40 + random.normal() / 4
}

/** The same frames with nothing to speak of at other frequencies. */
function only(kept: (hz: number) => boolean): Frames {
  return { ...frames, envelope: frames.envelope.map((v, i) => (kept(ENVELOPE_HZ[i % ENVELOPE_POINTS]!) ? v : -20)) }
}

/** The source-filter `gain` times as loud, in the net's place. */
function loud(engine: EventEngine, gain: number): Vocoder {
  const vocoder = createSourceFilter(engine)
  const louder = (out: Float32Array, count: number) => {
    for (let i = 0; i < count; i++) out[i]! *= gain
    return count
  }
  return {
    ...vocoder,
    open(options) {
      const stream = vocoder.open(options)
      return {
        push: (f) => stream.push(f),
        end: () => stream.end(),
        read: (out) => louder(out, stream.read(out)),
        readTogether: async (out) => louder(out, await stream.readTogether(out)),
        close: () => stream.close(),
      }
    },
  }
}

async function speak(vocoder: Vocoder, all: Frames, push: number, read: number, together = false) {
  const stream = vocoder.open({ seed: 5 })
  const parts: number[] = []
  for (let at = 0; at < all.count; at += push) {
    await stream.push(sliceFrames(all, at, Math.min(all.count, at + push)))
    if (at + push >= all.count) await stream.end()
    for (;;) {
      const out = new Float32Array(read)
      const count = together ? await stream.readTogether(out) : stream.read(out)
      parts.push(...out.subarray(0, count))
      if (count < read) break
    }
  }
  stream.close()
  expect(stream.read(new Float32Array(10))).toBe(0)
  return Float32Array.from(parts)
}

const rms = (x: Float32Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length)

for (const engine of availableEngines()) {
  test(`${engine.name}: n frames make n * HOP samples, the same however they are pushed and read`, async () => {
    const vocoder = createLevelMatched(loud(engine, 0.3), engine)
    const whole = await speak(vocoder, frames, frames.count, frames.count * HOP)
    expect(whole).toHaveLength(frames.count * HOP)
    expect(rms(whole)).toBeGreaterThan(1e-3)
    for (const [push, read, together] of [
      [1, 240, false],
      [7, 1000, false],
      [50, 5000, true],
    ] as const)
      expect(await speak(vocoder, frames, push, read, together)).toEqual(whole)
    for (const count of [1, 3]) {
      const short = sliceFrames(frames, 0, count)
      expect(await speak(vocoder, short, 1, 100)).toHaveLength(count * HOP)
    }
    expect(await speak(vocoder, createFrames(0), 1, 100)).toHaveLength(0)
  })

  test(`${engine.name}: what is at the target's level stays as it is, without delay`, async () => {
    const target = await speak(createSourceFilter(engine), frames, 30, 960)
    const same = await speak(createLevelMatched(createSourceFilter(engine), engine), frames, 30, 960)
    const worst = target.reduce((most, v, i) => Math.max(most, Math.abs(v - same[i]!)), 0)
    expect(worst).toBeLessThan(1e-6)
  })

  test(`${engine.name}: other levels go three quarters of the way, to 1.5 dB at most; from 3.5 kHz on past it, by 6 dB at most; silence is left alone`, async () => {
    const of = async (gain: number, sound = frames) =>
      rms(await speak(createLevelMatched(loud(engine, gain), engine), sound, 30, 960)) /
      rms(await speak(createSourceFilter(engine), sound, 30, 960))
    const low = only((hz) => hz < 2500)
    expect(await of(0.7, low)).toBeCloseTo(0.7 ** 0.25, 2)
    expect(await of(1.5, low)).toBeCloseTo(1.5 ** 0.25, 2)
    expect(await of(0.1, low)).toBeCloseTo(0.5 ** 0.25, 2)
    expect(await of(8, low)).toBeCloseTo(2 ** 0.25, 2)
    const high = only((hz) => hz > 5000)
    expect(await of(0.5, high)).toBeCloseTo(2 ** 0.25, 2)
    expect(await of(2, high)).toBeCloseTo(0.5 ** 0.25, 2)
    expect(await of(0.03, high)).toBeCloseTo(2, 2)
    expect(await of(40, high)).toBeCloseTo(0.5, 2)
    expect(await of(0)).toBe(0)
    const silence = createFrames(20)
    silence.envelope.fill(-30)
    const quiet = rms(await speak(createLevelMatched(createSourceFilter(engine), engine), silence, 5, 480))
    expect(quiet).toBeLessThan(1e-6)
  })

  test(`${engine.name}: a voice's own numbers move the crossover and the bounds`, async () => {
    const matching = levelMatchingSchema.parse({ crossover: 6000, residual: 1, overshoot: 3 })
    const of = async (gain: number, sound: Frames) =>
      rms(await speak(createLevelMatched(loud(engine, gain), engine, matching), sound, 30, 960)) /
      rms(await speak(createSourceFilter(engine), sound, 30, 960))
    const below = only((hz) => hz > 4000 && hz < 5000)
    expect(await of(0.5, below)).toBeCloseTo(1, 2)
    const above = only((hz) => hz > 8000)
    expect(await of(0.5, above)).toBeCloseTo(2 ** 0.25, 2)
    expect(await of(0.002, above)).toBeCloseTo(3, 1)
  })
}
