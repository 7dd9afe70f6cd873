/**
 * Where a recording's glottal pulses lie, as the phase of a clock that advances with F0 (docs/reference/net.md): per frame, the
 * shift of that clock at which pulses through the envelope's minimum-phase filter correlate best with the recording;
 * over frames, the best smooth path through the shifts. Pulses are where the phase wraps.
 */
import { RealFft } from '../audio/fft.ts'
import { ENVELOPE_HZ, ENVELOPE_POINTS, type Frames, SAMPLE_RATE } from '../frames.ts'
import { DECIMATED_HOP, DECIMATED_RATE, decimate } from './decimate.ts'

/** Phase values a second: one per step of a four-band net. */
const STEP_RATE = 6000
const STEPS = 30
/** A frame's centre, in steps from its first: step t is centred on sample 4t - 59.5. */
const CENTRE = 14.875
/** Shifts tried, per cycle. */
const SHIFTS = 128
/** Harmonics compared lie below this frequency (Hz). */
const TOP_HZ = 2200
/** Largest change of the shift, as a share of the phase's advance. */
const MAX_DRIFT = 0.03
/** Cost of a drift of MAX_DRIFT, in units of correlation. */
const DRIFT_COST = 0.1
/** Frames to either side in the final smoothing. */
const SMOOTHING = 2

/**
 * Phases in cycles, 0 <= phase < 1, [30 * frames.count], at 6000 a second; step t is centred on sample 4t - 59.5. Unvoiced steps
 * are 0. `samples`: the recording (24 kHz) that the frames were measured on.
 */
export function alignPulses(samples: Float32Array, frames: Frames): Float32Array {
  const phase = new Float32Array(STEPS * frames.count)
  const reach = Math.ceil((1.5 * DECIMATED_RATE) / 40)
  const low = decimate(samples, frames.count, reach)
  const aligner = new Aligner(low, reach, frames)
  for (let start = 0; start < frames.count; start++) {
    if (frames.f0[start]! === 0) continue
    let end = start
    while (end < frames.count && frames.f0[end]! > 0) end++
    aligner.align(start, end, phase)
    start = end
  }
  return phase
}

class Aligner {
  readonly #low: Float64Array
  readonly #pad: number
  readonly #frames: Frames
  readonly #fft = new RealFft(SHIFTS)
  readonly #re = new Float64Array(SHIFTS / 2 + 1)
  readonly #im = new Float64Array(SHIFTS / 2 + 1)
  readonly #score = new Float64Array(SHIFTS)
  readonly #filterPhase = new Float64Array(PHASE_BINS)

  constructor(low: Float64Array, pad: number, frames: Frames) {
    this.#low = low
    this.#pad = pad
    this.#frames = frames
  }

  /** Writes the phases of the voiced stretch of frames [start, end). */
  align(start: number, end: number, phase: Float32Array): void {
    const { f0 } = this.#frames
    const count = end - start
    const clock = new Float64Array(count)
    let at = 0
    for (let i = 0; i < count; i++) {
      const step = f0[start + i]! / STEP_RATE
      clock[i] = at + (CENTRE + 1) * step
      at += STEPS * step
    }
    const shift = smooth(this.#bestShifts(start, clock))
    at = 0
    for (let i = 0; i < count; i++) {
      const step = f0[start + i]! / STEP_RATE
      for (let k = 0; k < STEPS; k++) {
        // Shifts hold at the frames' centres; between them they are interpolated.
        const position = i + (k - CENTRE) / STEPS
        const left = Math.max(0, Math.min(count - 2, Math.floor(position)))
        const weight = Math.max(0, Math.min(1, position - left))
        const right = Math.min(count - 1, left + 1)
        const value = at + (k + 1) * step + shift[left]! + weight * (shift[right]! - shift[left]!)
        const wrapped = Math.fround(value - Math.floor(value))
        phase[(start + i) * STEPS + k] = wrapped < 1 ? wrapped : 0
      }
      at += STEPS * step
    }
  }

  /** The path of shifts (cycles, continuous) of largest summed correlation; `clock` is the phase at the frames' centres. */
  #bestShifts(start: number, clock: Float64Array): Float64Array {
    const count = clock.length
    const { f0 } = this.#frames
    const score = this.#score
    const from = new Int8Array(count * SHIFTS)
    let total = new Float64Array(SHIFTS)
    let next = new Float64Array(SHIFTS)
    for (let i = 0; i < count; i++) {
      this.#scores(start + i, clock[i]!)
      if (i === 0) {
        total.set(score)
        continue
      }
      const limit = MAX_DRIFT * (f0[start + i]! / STEP_RATE) * STEPS * SHIFTS
      const reach = Math.max(1, Math.floor(limit))
      for (let s = 0; s < SHIFTS; s++) {
        let best = Number.NEGATIVE_INFINITY
        let origin = 0
        for (let d = -reach; d <= reach; d++) {
          const value = total[(s - d + SHIFTS) & (SHIFTS - 1)]! - DRIFT_COST * (d / limit) * (d / limit)
          if (value > best) {
            best = value
            origin = d
          }
        }
        next[s] = best + score[s]!
        from[i * SHIFTS + s] = origin
      }
      const swap = total
      total = next
      next = swap
    }
    let state = 0
    for (let s = 1; s < SHIFTS; s++) if (total[s]! > total[state]!) state = s
    const shift = new Float64Array(count)
    let unwrapped = state
    for (let i = count - 1; i >= 0; i--) {
      shift[i] = unwrapped / SHIFTS
      const d = from[i * SHIFTS + state]!
      unwrapped -= d
      state = (state - d + SHIFTS) & (SHIFTS - 1)
    }
    return shift
  }

  /** Correlation, -1..1, of the pulses' sound with the recording around a frame for each shift of the clock. */
  #scores(frame: number, clock: number): void {
    const f0 = this.#frames.f0[frame]!
    const low = this.#low
    const centre = this.#pad + frame * DECIMATED_HOP
    const half = Math.min(this.#pad, Math.ceil((1.5 * DECIMATED_RATE) / f0))
    const harmonics = Math.min(SHIFTS / 2 - 1, Math.max(1, Math.floor(TOP_HZ / f0)))
    this.#setFilterPhase(frame)
    const re = this.#re
    const im = this.#im
    re.fill(0)
    im.fill(0)
    const turn = Math.PI / (half + 1)
    const turnC = Math.cos(turn)
    const turnS = Math.sin(turn)
    let weight = 0
    for (let h = 1; h <= harmonics; h++) {
      const omega = (2 * Math.PI * h * f0) / DECIMATED_RATE
      const stepC = Math.cos(omega)
      const stepS = Math.sin(omega)
      const first = 2 * Math.PI * h * clock - omega * half
      let c = Math.cos(first)
      let s = Math.sin(first)
      let wc = Math.cos(-turn * half)
      let ws = Math.sin(-turn * half)
      let xr = 0
      let xi = 0
      for (let k = -half; k <= half; k++) {
        const x = low[centre + k]! * (0.5 + 0.5 * wc)
        xr += x * c
        xi -= x * s
        const nc = c * stepC - s * stepS
        s = s * stepC + c * stepS
        c = nc
        const nw = wc * turnC - ws * turnS
        ws = ws * turnC + wc * turnS
        wc = nw
      }
      // The filter's phase is taken out; its amplitude is the recording's own, up to what the envelope smooths.
      const amplitude = Math.sqrt(xr * xr + xi * xi)
      const psi = this.#filterPhaseAt(h * f0)
      const pc = Math.cos(psi)
      const ps = Math.sin(psi)
      re[h] = amplitude * (xr * pc + xi * ps)
      im[h] = -amplitude * (xi * pc - xr * ps)
      weight += amplitude * amplitude
    }
    // sum_h A_h cos(theta_h - 2 pi h c) for all shifts c at once.
    this.#fft.inverse(re, im, this.#score)
    const norm = weight > 0 ? SHIFTS / (2 * weight) : 0
    for (let s = 0; s < SHIFTS; s++) this.#score[s]! *= norm
  }

  #setFilterPhase(frame: number): void {
    const envelope = this.#frames.envelope
    const base = frame * ENVELOPE_POINTS
    for (let k = 0; k < PHASE_BINS; k++) {
      let sum = 0
      for (let p = 0; p < ENVELOPE_POINTS; p++) sum += HILBERT[k * ENVELOPE_POINTS + p]! * envelope[base + p]!
      this.#filterPhase[k] = sum
    }
  }

  #filterPhaseAt(hz: number): number {
    const at = hz / PHASE_HZ
    const bin = Math.min(PHASE_BINS - 2, Math.floor(at))
    return this.#filterPhase[bin]! + (at - bin) * (this.#filterPhase[bin + 1]! - this.#filterPhase[bin]!)
  }
}

/** Moving average under a raised cosine; the ends average what there is. */
function smooth(values: Float64Array): Float64Array {
  return values.map((_, i) => {
    // Symmetric at the ends too, so that a slope is kept.
    const reach = Math.min(SMOOTHING, i, values.length - 1 - i)
    let sum = 0
    let weights = 0
    for (let d = -reach; d <= reach; d++) {
      const w = 1 + Math.cos((Math.PI * d) / (reach + 1))
      sum += w * values[i + d]!
      weights += w
    }
    return sum / weights
  })
}

const PHASE_FFT = 1024
const PHASE_HZ = SAMPLE_RATE / PHASE_FFT
const PHASE_BINS = Math.ceil(TOP_HZ / PHASE_HZ) + 2
/**
 * [PHASE_BINS, 64] minimum phase (radians) at multiples of PHASE_HZ as a linear function of the log power envelope: the
 * Hilbert transform of half of it.
 */
const HILBERT: Float64Array = hilbertMatrix()

function hilbertMatrix(): Float64Array {
  const fft = new RealFft(PHASE_FFT)
  const matrix = new Float64Array(PHASE_BINS * ENVELOPE_POINTS)
  const wave = new Float64Array(PHASE_FFT)
  const re = new Float64Array(fft.bins)
  const im = new Float64Array(fft.bins)
  for (let point = 0; point < ENVELOPE_POINTS; point++) {
    // The log spectrum of a unit at this point: the triangle that linear interpolation makes.
    for (let k = 0; k < fft.bins; k++) {
      const hz = k * PHASE_HZ
      const here = ENVELOPE_HZ[point]!
      const side = hz < here ? ENVELOPE_HZ[point - 1] : ENVELOPE_HZ[point + 1]
      const value = hz === here ? 1 : side === undefined ? 0 : Math.max(0, 1 - (hz - here) / (side - here))
      wave[k] = value
      if (k > 0 && k < fft.bins - 1) wave[PHASE_FFT - k] = value
    }
    fft.forward(wave, re, im)
    wave[0] = 0
    for (let n = 1; n < fft.bins - 1; n++) wave[n] = re[n]! / PHASE_FFT
    wave.fill(0, fft.bins - 1)
    fft.forward(wave, re, im)
    for (let k = 0; k < PHASE_BINS; k++) matrix[k * ENVELOPE_POINTS + point] = im[k]!
  }
  return matrix
}
