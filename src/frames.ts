/**
 * Frames: what the acoustic model predicts, what analysis extracts from a recording and what every vocoder
 * takes. Frame i describes the signal around sample i * HOP.
 */
export const SAMPLE_RATE = 24000
/** Samples per frame (5 ms). */
export const HOP = 120
/** Points of the spectral envelope, equally spaced on the mel scale from 0 to 12 kHz. */
export const ENVELOPE_POINTS = 64

export interface Frames {
  /** Number of frames. */
  readonly count: number
  /** [frames] fundamental frequency in Hz; 0 = unvoiced. */
  readonly f0: Float32Array
  /**
   * [frames, 64] natural-log power spectral envelope in WORLD's scale: the mean of exp(envelope) over linear
   * frequency is the signal's mean square, for pulse trains and noise alike.
   */
  readonly envelope: Float32Array
}

/** Mel scale, 2595 log10(1 + f / 700), f in Hz. */
export const hzToMel = (hz: number): number => 2595 * Math.log10(1 + hz / 700)
export const melToHz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1)

/** Frequencies in Hz of the envelope's points. */
export const ENVELOPE_HZ: Float64Array = Float64Array.from({ length: ENVELOPE_POINTS }, (_, i) =>
  melToHz((hzToMel(SAMPLE_RATE / 2) * i) / (ENVELOPE_POINTS - 1)),
)

export function createFrames(count: number): Frames {
  return { count, f0: new Float32Array(count), envelope: new Float32Array(count * ENVELOPE_POINTS) }
}

/** A view of frames [start, end); shares memory. */
export function sliceFrames(frames: Frames, start: number, end: number): Frames {
  return {
    count: end - start,
    f0: frames.f0.subarray(start, end),
    envelope: frames.envelope.subarray(start * ENVELOPE_POINTS, end * ENVELOPE_POINTS),
  }
}

export function concatFrames(parts: readonly Frames[]): Frames {
  const all = createFrames(parts.reduce((n, p) => n + p.count, 0))
  let at = 0
  for (const p of parts) {
    all.f0.set(p.f0, at)
    all.envelope.set(p.envelope, at * ENVELOPE_POINTS)
    at += p.count
  }
  return all
}
