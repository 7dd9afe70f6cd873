import { expect, test } from 'vitest'
import { Resampler } from './resample.ts'

const FROM = 24000

/** Level in dB of a tone after resampling, against the level it had. */
function gain(to: number, hertz: number): number {
  const resampler = new Resampler(FROM, to)
  const input = Float32Array.from({ length: 6000 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / FROM))
  const out = [...resampler.push(input), ...resampler.end()].slice(to / 20, -to / 20)
  const power = out.reduce((sum, x) => sum + x * x, 0) / out.length
  return 10 * Math.log10(power / 0.5 + 1e-12)
}

test.each([8000, 16000, 22050, 44100, 48000])('to %i Hz speech keeps its level, and what would fold is gone', (to) => {
  const nyquist = Math.min(FROM, to) / 2
  for (const share of [0.05, 0.3, 0.6, 0.8]) expect(Math.abs(gain(to, share * nyquist))).toBeLessThan(0.1)
  // Above the new half rate lies what would come back as another tone.
  if (to < FROM)
    for (const share of [1.1, 1.3]) if (share * nyquist < 12000) expect(gain(to, share * nyquist)).toBeLessThan(-60)
})

test('upsampled audio has no images of the old rate', () => {
  const resampler = new Resampler(FROM, 48000)
  const input = Float32Array.from({ length: 6000 }, (_, i) => Math.sin((2 * Math.PI * 9000 * i) / FROM))
  const out = [...resampler.push(input), ...resampler.end()].slice(2000, 10_000)
  // Of a tone at 9 kHz the image would be at 15 kHz.
  let re = 0
  let im = 0
  for (const [i, x] of out.entries()) {
    re += x * Math.cos((2 * Math.PI * 15000 * i) / 48000)
    im += x * Math.sin((2 * Math.PI * 15000 * i) / 48000)
  }
  expect(20 * Math.log10((2 * Math.hypot(re, im)) / out.length)).toBeLessThan(-60)
})
