/**
 * Fundamental frequency every 5 ms: normalised cross-correlation candidates on the decimated signal, the best path
 * through them by dynamic programming (Talkin 1995, RAPT), refinement by the instantaneous frequency of the
 * harmonics (Morise 2017, Harvest, section 2.3). Frame i is centred on sample i * HOP; 0 = unvoiced.
 */
import { HOP } from '../frames.ts'
import { DECIMATION, decimate, DECIMATED_HOP as FRAME, DECIMATED_RATE as RATE } from './decimate.ts'

export interface F0Options {
  /** Hz; contours stay within floor..ceiling. */
  readonly floor?: number
  readonly ceiling?: number
}

/** Samples (decimated) correlated at least; longer for lags that need a whole period. */
const MIN_WINDOW = 48
const CANDIDATES = 6
/** Lowest correlation that makes a candidate. */
const PEAK_FLOOR = 0.25
/** Costs of the path, in units of correlation. */
const UNVOICED = 0.47
/** The same where the frame is loud and nearly all its power is low: irregular voice rather than noise. */
const UNVOICED_LOW = -0.4
/** Shares of power below 2.4 kHz, dB, between which UNVOICED goes over to UNVOICED_LOW. */
const SHARE_NOISE = -6
const SHARE_VOICE = -1.5
/** Levels relative to the loudest frame, dB, between which the share of power counts not at all and fully. */
const LEVEL_QUIET = -55
const LEVEL_LOUD = -38
const OCTAVE = 0.6
const SWITCH = 0.1
/** Preference of short lags, against sub-octaves. */
const LAG_SLOPE = 0.12
/** Added to the energies: correlation fades out below about -75 dBFS. */
const ENERGY_FLOOR = 3e-8
const HARMONICS = 6
/** Sureness of voice from which pitch is extended, and how many frames far. */
const EXTEND = 0.5
const REACH = 12

/** Frames of a recording of `samples` samples. */
export const frameCount = (samples: number): number => Math.floor(samples / HOP) + 1

/** F0 in Hz [frames], frames = floor(samples / HOP) + 1, of 24 kHz samples (-1..1); 0 = unvoiced. */
export function estimateF0(samples: Float32Array, options: F0Options = {}): Float32Array {
  const floor = options.floor ?? 60
  const ceiling = options.ceiling ?? 500
  const frames = frameCount(samples.length)
  const pad = Math.ceil((3 * RATE) / floor) + FRAME
  const low = decimate(samples, frames, pad)
  const { frequency, score, size } = findCandidates(low, frames, pad, floor, ceiling)
  const irregular = irregularity(samples, low, pad, frames)
  const f0 = bestPath(frequency, score, size, irregular)
  dropShort(f0)
  refine(low, pad, f0, floor, ceiling)
  extend(f0, irregular)
  return f0
}

interface CandidateTable {
  /** [frames, CANDIDATES] Hz. */
  readonly frequency: Float64Array
  /** [frames, CANDIDATES] correlation less the lag's handicap. */
  readonly score: Float64Array
  /** [frames] candidates in use. */
  readonly size: Uint8Array
}

function findCandidates(
  low: Float64Array,
  frames: number,
  pad: number,
  floor: number,
  ceiling: number,
): CandidateTable {
  const frequency = new Float64Array(frames * CANDIDATES)
  const score = new Float64Array(frames * CANDIDATES)
  const size = new Uint8Array(frames)
  const minLag = Math.max(2, Math.floor(RATE / ceiling) - 1)
  const maxLag = Math.ceil(RATE / floor) + 1
  const correlation = new Float64Array(maxLag + 1)
  const energy = new Float64Array(low.length + 1)
  for (let i = 0; i < low.length; i++) energy[i + 1] = energy[i]! + low[i]! * low[i]!
  for (let frame = 0; frame < frames; frame++) {
    const centre = pad + frame * FRAME
    // Nothing to find in a frame near silence.
    if (energy[centre + maxLag]! - energy[centre - maxLag]! < 2 * maxLag * ENERGY_FLOOR * 0.1) continue
    for (let lag = minLag; lag <= maxLag; lag++) {
      const window = Math.max(lag, MIN_WINDOW)
      const a = centre - ((window + lag) >> 1)
      const b = a + lag
      let dot = 0
      for (let i = a, end = a + window; i < end; i++) dot += low[i]! * low[i + lag]!
      const ea = energy[a + window]! - energy[a]!
      const eb = energy[b + window]! - energy[b]!
      const bias = window * ENERGY_FLOOR
      correlation[lag] = dot / Math.sqrt((ea + bias) * (eb + bias))
    }
    const base = frame * CANDIDATES
    let used = 0
    for (let lag = minLag + 1; lag < maxLag; lag++) {
      const y = correlation[lag]!
      const before = correlation[lag - 1]!
      const after = correlation[lag + 1]!
      if (y < PEAK_FLOOR || y < before || y <= after) continue
      const curve = before - 2 * y + after
      const shift = curve < 0 ? (0.5 * (before - after)) / curve : 0
      const f = RATE / (lag + shift)
      if (f < floor || f > ceiling) continue
      const value = y - 0.25 * (before - after) * shift - (LAG_SLOPE * lag) / maxLag
      let at = used
      if (used === CANDIDATES) {
        at = 0
        for (let k = 1; k < CANDIDATES; k++) if (score[base + k]! < score[base + at]!) at = k
        if (score[base + at]! >= value) continue
      } else used++
      frequency[base + at] = f
      score[base + at] = value
    }
    size[frame] = used
  }
  return { frequency, score, size }
}

/** [frames] 0..1: how surely the frame is voice, however irregular, by its level and its share of low frequencies. */
function irregularity(samples: Float32Array, low: Float64Array, pad: number, frames: number): Float64Array {
  const level = new Float64Array(frames)
  const share = new Float64Array(frames)
  let loudest = 0
  for (let frame = 0; frame < frames; frame++) {
    const centre = frame * HOP
    const end = Math.min(samples.length, centre + HOP)
    let all = 0
    for (let i = Math.max(0, centre - HOP); i < end; i++) all += samples[i]! * samples[i]!
    let part = 0
    for (let i = pad + (frame - 1) * FRAME; i < pad + (frame + 1) * FRAME; i++) part += low[i]! * low[i]!
    level[frame] = all
    share[frame] = (DECIMATION * part) / (all + 1e-9)
    loudest = Math.max(loudest, all)
  }
  const ramp = (power: number, from: number, to: number): number =>
    Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-12) - from) / (to - from)))
  for (let frame = 0; frame < frames; frame++) {
    const weight =
      ramp(share[frame]!, SHARE_NOISE, SHARE_VOICE) * ramp(level[frame]! / (loudest + 1e-9), LEVEL_QUIET, LEVEL_LOUD)
    level[frame] = weight
  }
  return level
}

/** Viterbi search; state CANDIDATES of a frame is "unvoiced". */
function bestPath(
  frequency: Float64Array,
  score: Float64Array,
  size: Uint8Array,
  irregular: Float64Array,
): Float32Array {
  const frames = size.length
  const states = CANDIDATES + 1
  const logs = frequency.map((f) => (f > 0 ? Math.log2(f) : 0))
  const from = new Uint8Array(frames * states)
  let cost = new Float64Array(states)
  let previous = new Float64Array(states)
  for (let frame = 0; frame < frames; frame++) {
    const base = frame * CANDIDATES
    const count = size[frame]!
    const before = frame > 0 ? size[frame - 1]! : 0
    for (let s = 0; s < states; s++) {
      if (s < CANDIDATES && s >= count) continue
      const voiced = s < CANDIDATES
      let best = frame === 0 ? 0 : previous[CANDIDATES]! + (voiced ? SWITCH : 0)
      let origin = CANDIDATES
      for (let p = 0; p < before; p++) {
        const jump = voiced ? OCTAVE * Math.abs(logs[base + s]! - logs[base - CANDIDATES + p]!) : SWITCH
        const total = previous[p]! + jump
        if (total < best) {
          best = total
          origin = p
        }
      }
      from[frame * states + s] = origin
      cost[s] = best + (voiced ? 1 - score[base + s]! : 1 - UNVOICED - irregular[frame]! * (UNVOICED_LOW - UNVOICED))
    }
    const swap = previous
    previous = cost
    cost = swap
  }
  const f0 = new Float32Array(frames)
  let state = CANDIDATES
  for (let s = 0; s < (frames > 0 ? size[frames - 1]! : 0); s++) if (previous[s]! < previous[state]!) state = s
  for (let frame = frames - 1; frame >= 0; frame--) {
    if (state < CANDIDATES) f0[frame] = frequency[frame * CANDIDATES + state]!
    state = from[frame * states + state]!
  }
  return f0
}

/** Voiced stretches under 4 frames are chance, unvoiced gaps of 1 or 2 frames within a steady pitch are misses. */
function dropShort(f0: Float32Array): void {
  const n = f0.length
  for (let i = 1; i < n; i++) {
    if (f0[i] !== 0 || f0[i - 1] === 0) continue
    let end = i
    while (end < n && f0[end] === 0) end++
    if (end < n && end - i <= 2 && Math.abs(Math.log2(f0[end]! / f0[i - 1]!)) < 0.15) {
      const step = (f0[end]! - f0[i - 1]!) / (end - i + 1)
      for (let k = i; k < end; k++) f0[k] = f0[k - 1]! + step
    }
    i = end
  }
  for (let i = 0; i < n; i++) {
    if (f0[i] === 0) continue
    let end = i
    while (end < n && f0[end]! > 0) end++
    if (end - i < 4) f0.fill(0, i, end)
    i = end
  }
}

/** Gives frames that are surely voice but have no pitch of their own the pitch between, or beside, voiced ones. */
function extend(f0: Float32Array, irregular: Float64Array): void {
  const found = f0.slice()
  const n = f0.length
  for (let i = 0; i < n; i++) {
    if (found[i]! > 0) continue
    let end = i
    while (end < n && found[end] === 0) end++
    const before = i > 0 ? found[i - 1]! : 0
    const after = end < n ? found[end]! : 0
    for (let k = i; k < end; k++) {
      if (irregular[k]! < EXTEND) continue
      const weight = (k - i + 1) / (end - i + 1)
      const left = k - i < REACH ? before : 0
      const right = end - 1 - k < REACH ? after : 0
      f0[k] = left > 0 && right > 0 ? left + weight * (right - left) : left > 0 ? left : right
    }
    i = end
  }
}

/** Mean instantaneous frequency of the first harmonics, weighted by amplitude, from a window of 3 periods. */
function refine(low: Float64Array, pad: number, f0: Float32Array, floor: number, ceiling: number): void {
  for (let frame = 0; frame < f0.length; frame++) {
    const f = f0[frame]!
    if (f === 0) continue
    const centre = pad + frame * FRAME
    const half = Math.ceil((1.5 * RATE) / f)
    const harmonics = Math.min(HARMONICS, Math.floor(2200 / f))
    let sum = 0
    let weights = 0
    const turn = Math.PI / (half + 1)
    for (let h = 1; h <= harmonics; h++) {
      const omega = (2 * Math.PI * f * h) / RATE
      // Hann window w and its derivative d; Im(conj(X_w) X_d) / |X_w|^2 is the deviation from omega.
      let wr = 0
      let wi = 0
      let dr = 0
      let di = 0
      const stepC = Math.cos(omega)
      const stepS = Math.sin(omega)
      let c = Math.cos(omega * half)
      let s = -Math.sin(omega * half)
      const turnC = Math.cos(turn)
      const turnS = Math.sin(turn)
      let wc = Math.cos(-turn * half)
      let ws = Math.sin(-turn * half)
      for (let k = -half; k <= half; k++) {
        const x = low[centre + k]!
        const w = x * (0.5 + 0.5 * wc)
        const d = x * ws
        wr += w * c
        wi -= w * s
        dr += d * c
        di -= d * s
        const nc = c * stepC - s * stepS
        s = s * stepC + c * stepS
        c = nc
        const nw = wc * turnC - ws * turnS
        ws = ws * turnC + wc * turnS
        wc = nw
      }
      const power = wr * wr + wi * wi
      if (power <= 0) continue
      const deviation = (0.5 * turn * (wr * di - wi * dr)) / power
      const estimate = (f * h + (deviation * RATE) / (2 * Math.PI)) / h
      const amplitude = Math.sqrt(power)
      sum += amplitude * h * estimate
      weights += amplitude * h
    }
    const refined = weights > 0 ? sum / weights : f
    // A refinement beyond a semitone means that the harmonics were not there.
    if (Math.abs(refined / f - 1) < 0.06) f0[frame] = Math.min(ceiling, Math.max(floor, refined))
  }
}
