/**
 * One recording as the net sees it: bands, frame parameters and, for every step, inputs and residuals (docs/reference/net.md). What
 * a step sees of the past carries noise, and its residual is taken against the noisy prediction, so that the net learns
 * to come back to the recording.
 */
import { pqmfAnalyze, preEmphasize } from 'sparsewave/internal/audio/pqmf'
import type { Frames } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import {
  BANDS,
  HISTORY,
  LPC_ORDER,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import {
  EXCITATION_OVERSAMPLING,
  EXCITATION_POINTS,
  EXCITATION_REACH,
  excitationTable,
} from 'sparsewave/internal/vocoder/sparse-wavernn/excitation'
import { createFrameParameterBlock, FrameParameters } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'

export interface Recording {
  /** 24 kHz, -1..1. */
  readonly samples: Float32Array
  readonly frames: Frames
  /** [30 * frames] pulse phase in cycles at each step, 0 where unvoiced. */
  readonly phase: Float32Array
}

const NORMALS = 1 << 16
let normals: Float32Array | undefined

/** A fixed table of standard normal numbers; noise is read from it at random places. */
function normalTable(): Float32Array {
  if (!normals) {
    const random = new Random(1)
    normals = Float32Array.from({ length: NORMALS }, () => random.normal())
  }
  return normals
}

const clip6 = (v: number): number => (v > 6 ? 6 : Math.max(v, -6))
const table = excitationTable()

/** k_b(u), linearly interpolated; 0 outside the table. */
function pulseResponse(b: number, u: number): number {
  const position = (u + EXCITATION_REACH) * EXCITATION_OVERSAMPLING
  if (position < 0 || position >= EXCITATION_POINTS - 1) return 0
  const at = Math.floor(position)
  const share = position - at
  const i = b * EXCITATION_POINTS + at
  return table[i]! * (1 - share) + table[i + 1]! * share
}

export class Utterance {
  readonly frames: Frames
  readonly steps: number
  /** [steps, 4] the recording's bands. */
  readonly bands: Float32Array
  /** [steps, 4] the bands as the steps after them see them. */
  readonly noisy: Float32Array
  /** [steps, 4] P_b from the noisy past. */
  readonly #prediction: Float32Array
  /** [steps, 4] residuals of the noisy bands: what the steps after them see of e. */
  readonly #residual: Float32Array
  readonly #phase: Float32Array
  readonly #lpc: Float32Array
  readonly #gain: Float32Array
  readonly #inverseLevel: Float32Array
  readonly #lag: Int32Array
  readonly #increment: Float32Array

  /**
   * @param noise standard deviation of the noise on the past, in units of the band's residual gain; 0 = none
   * @param noiseSeed where in the table of normal numbers the noise starts, any unsigned integer
   */
  constructor(recording: Recording, noise: number, noiseSeed: number) {
    const { frames } = recording
    this.frames = frames
    this.steps = frames.count * STEPS_PER_FRAME
    this.#phase = recording.phase
    this.bands = pqmfAnalyze(preEmphasize(recording.samples), this.steps)
    const n = frames.count
    this.#lpc = new Float32Array(n * BANDS * LPC_ORDER)
    this.#gain = new Float32Array(n * BANDS)
    this.#inverseLevel = new Float32Array(n * BANDS)
    this.#lag = new Int32Array(n)
    this.#increment = new Float32Array(n)
    const parameters = new FrameParameters()
    const block = createFrameParameterBlock()
    for (let j = 0; j < n; j++) {
      parameters.compute(frames, j, block)
      this.#lpc.set(block.lpc, j * BANDS * LPC_ORDER)
      this.#gain.set(block.gain, j * BANDS)
      this.#inverseLevel.set(block.inverseLevel, j * BANDS)
      this.#lag[j] = block.lag
      this.#increment[j] = block.phaseIncrement
    }
    this.noisy = noise > 0 ? this.#corrupt(noise, noiseSeed, normalTable()) : this.bands
    this.#prediction = this.#predict()
    this.#residual = this.#residuals()
  }

  #residuals(): Float32Array {
    const { noisy } = this
    const prediction = this.#prediction
    const gain = this.#gain
    const out = new Float32Array(noisy.length)
    for (let j = 0, i = 0; j < this.frames.count; j++) {
      for (let t = 0; t < STEPS_PER_FRAME; t++) {
        for (let b = 0; b < BANDS; b++, i++) out[i] = clip6((noisy[i]! - prediction[i]!) / gain[j * BANDS + b]!)
      }
    }
    return out
  }

  #predict(): Float32Array {
    const out = new Float32Array(this.steps * BANDS)
    for (let t = 0; t < this.steps; t++) {
      const a = Math.floor(t / STEPS_PER_FRAME) * BANDS * LPC_ORDER
      for (let b = 0; b < BANDS; b++) {
        let p = 0
        for (let k = Math.min(LPC_ORDER, t); k >= 1; k--) {
          p += this.#lpc[a + b * LPC_ORDER + k - 1]! * this.noisy[(t - k) * BANDS + b]!
        }
        out[t * BANDS + b] = p
      }
    }
    return out
  }

  #corrupt(noise: number, seed: number, normal: Float32Array): Float32Array {
    const out = new Float32Array(this.bands.length)
    let at = seed % NORMALS
    for (let t = 0; t < this.steps; t++) {
      const g = Math.floor(t / STEPS_PER_FRAME) * BANDS
      // A prime stride keeps neighbouring utterances' noise apart.
      for (let b = 0; b < BANDS; b++) {
        at = (at + 40503) % NORMALS
        out[t * BANDS + b] = this.bands[t * BANDS + b]! + noise * this.#gain[g + b]! * normal[at]!
      }
    }
    return out
  }

  /**
   * Writes step t's inputs x to out[at + i * stride], then its residuals e_b. Steps outside the recording are an error of the caller.
   */
  write(t: number, out: Float32Array, at: number, stride: number): void {
    const j = Math.floor(t / STEPS_PER_FRAME)
    const { noisy } = this
    const I = STEP_INPUTS
    const g = j * BANDS
    for (let b = 0; b < BANDS; b++) {
      const level = this.#inverseLevel[g + b]!
      for (let l = 1; l <= HISTORY; l++) {
        const v = t >= l ? noisy[(t - l) * BANDS + b]! * level : 0
        out[at + (I.history + (l - 1) * BANDS + b) * stride] = clip6(v)
      }
      out[at + (I.residual + b) * stride] = t > 0 ? this.#residual[(t - 1) * BANDS + b]! : 0
      const prediction = this.#prediction[t * BANDS + b]!
      out[at + (I.prediction + b) * stride] = clip6(prediction * level)
      const lag = this.#lag[j]!
      for (let o = -1; o <= 1; o++) {
        const s = t - lag + o
        out[at + (I.pitch + (o + 1) * BANDS + b) * stride] = lag > 0 && s >= 0 ? this.#residual[s * BANDS + b]! : 0
      }
      out[at + (I.count + b) * stride] = (this.bands[t * BANDS + b]! - prediction) / this.#gain[g + b]!
    }
    this.#writeExcitation(t, j, out, at, stride)
  }

  #writeExcitation(t: number, j: number, out: Float32Array, at: number, stride: number): void {
    const I = STEP_INPUTS
    const increment = this.#increment[j]!
    if (increment === 0) {
      for (let i = I.excitation; i < I.count; i++) out[at + i * stride] = 0
      return
    }
    const period = 1 / increment
    const phase = this.#phase[t]!
    const behind = phase * period
    const ahead = (1 - phase) * period
    const amplitude = Math.sqrt(period)
    for (let o = 0; o < 3; o++) {
      for (let b = 0; b < BANDS; b++) {
        const q = amplitude * (pulseResponse(b, o + behind) + pulseResponse(b, o - ahead))
        out[at + (I.excitation + o * BANDS + b) * stride] = q
      }
    }
    out[at + I.phase * stride] = Math.sin(2 * Math.PI * phase)
    out[at + (I.phase + 1) * stride] = Math.cos(2 * Math.PI * phase)
  }
}
