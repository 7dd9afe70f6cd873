/**
 * Measures of a vocoder's output against the recording it was made from. They need no outside judge: pitch, spectrum,
 * noise in silences and tones where the bands meet.
 */
import { analyze } from 'sparsewave/internal/analysis/index'
import { RealFft } from 'sparsewave/internal/audio/fft'
import { ENVELOPE_POINTS, HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'

export interface Measures {
  /** Median deviation of F0 in cents where both are voiced. */
  readonly f0Cents: number
  /** Share of frames whose voicing differs. */
  readonly voicingError: number
  /** Mean absolute difference of the envelopes in dB, over frames within 50 dB of the loudest. */
  readonly envelopeDb: number
  /** Level in dBFS of the quietest tenth of 20 ms windows: recording, output. */
  readonly silence: readonly [number, number]
  /** Largest excess in dB of the output's spectrum at 3, 6 and 9 kHz over its surroundings, less the recording's. */
  readonly bandEdgeDb: number
}

/** Compares `output` with `recording` (24 kHz, same length). */
export function measure(recording: Float32Array, output: Float32Array): Measures {
  const a = analyze(recording)
  const b = analyze(output)
  const frames = Math.min(a.count, b.count)
  const cents: number[] = []
  let voicing = 0
  for (let j = 0; j < frames; j++) {
    const f = a.f0[j]!
    const g = b.f0[j]!
    if (f > 0 && g > 0) cents.push(Math.abs(1200 * Math.log2(g / f)))
    if (f > 0 !== g > 0) voicing++
  }
  const levels = Float64Array.from({ length: frames }, (_, j) => {
    let sum = 0
    for (let i = 0; i < ENVELOPE_POINTS; i++) sum += a.envelope[j * ENVELOPE_POINTS + i]!
    return sum / ENVELOPE_POINTS
  })
  const loudest = levels.reduce((m, v) => Math.max(m, v), -Infinity)
  let distance = 0
  let compared = 0
  for (let j = 0; j < frames; j++) {
    if (levels[j]! < loudest - 50 / DB) continue
    compared++
    for (let i = 0; i < ENVELOPE_POINTS; i++) {
      const k = j * ENVELOPE_POINTS + i
      distance += (DB * Math.abs(a.envelope[k]! - b.envelope[k]!)) / ENVELOPE_POINTS
    }
  }
  return {
    f0Cents: median(cents),
    voicingError: voicing / frames,
    envelopeDb: distance / compared,
    silence: [quietest(recording), quietest(output)],
    bandEdgeDb: edgeExcess(output) - edgeExcess(recording),
  }
}

/** dB of a natural-log power. */
const DB = 10 / Math.LN10

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  return sorted.length === 0 ? Number.NaN : sorted[Math.floor(sorted.length / 2)]!
}

function quietest(samples: Float32Array): number {
  const window = 4 * HOP
  const powers: number[] = []
  for (let at = 0; at + window <= samples.length; at += window) {
    let power = 0
    for (let n = at; n < at + window; n++) power += samples[n]! ** 2
    powers.push(power / window)
  }
  powers.sort((x, y) => x - y)
  return 10 * Math.log10((powers[Math.floor(powers.length / 10)] ?? 0) + 1e-12)
}

/** Long-term spectrum at the band edges against the mean 100 to 400 Hz away, in dB; the largest of the three. */
function edgeExcess(samples: Float32Array): number {
  const size = 2048
  const fft = new RealFft(size)
  const spectrum = new Float64Array(size / 2 + 1)
  const block = new Float64Array(size)
  const re = new Float64Array(size / 2 + 1)
  const im = new Float64Array(size / 2 + 1)
  for (let at = 0; at + size <= samples.length; at += size / 2) {
    for (let n = 0; n < size; n++) block[n] = samples[at + n]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size))
    fft.forward(block, re, im)
    for (let k = 0; k <= size / 2; k++) spectrum[k]! += re[k]! ** 2 + im[k]! ** 2
  }
  const bin = (hz: number) => Math.round((hz * size) / SAMPLE_RATE)
  const mean = (from: number, to: number) => {
    let sum = 0
    for (let k = bin(from); k <= bin(to); k++) sum += spectrum[k]!
    return sum / (bin(to) - bin(from) + 1)
  }
  const excess = [3000, 6000, 9000].map((hz) => {
    const around = Math.sqrt(mean(hz - 400, hz - 100) * mean(hz + 100, hz + 400))
    return 10 * Math.log10((mean(hz - 30, hz + 30) + 1e-30) / (around + 1e-30))
  })
  return Math.max(...excess)
}
