/**
 * Batches of utterances of similar length, padded, in an order that is a pure function of the seed and the epoch: a
 * resumed run sees the same batches.
 */
import { positions } from 'sparsewave/internal/acoustic/net/positions'
import { ENVELOPE_POINTS, FRAMES_PER_UNIT, PITCH_FIELDS, POSITION_FIELDS, UNIT_FIELDS } from './config.ts'
import { type Example, loudFrames, type Normalization, unitPlaces } from './example.ts'

/** mulberry32: numbers in 0..1 from a 32-bit seed. */
export function random(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function shuffle<T>(items: T[], next: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}

/**
 * The batches of an epoch: indices into `lengths` (units). Utterances are sorted by length within pools of a shuffled
 * order; a batch's longest length times its count stays within `budget` where one utterance allows it.
 */
export function planEpoch(lengths: readonly number[], budget: number, seed: number, epoch: number): number[][] {
  const next = random(Math.imul(seed + 1, 0x9e3779b9) ^ Math.imul(epoch + 1, 0x85ebca6b))
  const order = shuffle(
    lengths.map((_, i) => i),
    next,
  )
  const pool = 128
  const batches: number[][] = []
  for (let start = 0; start < order.length; start += pool) {
    const sorted = order.slice(start, start + pool).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
    let batch: number[] = []
    for (const index of sorted) {
      if (batch.length > 0 && lengths[index]! * (batch.length + 1) > budget) {
        batches.push(batch)
        batch = []
      }
      batch.push(index)
    }
    batches.push(batch)
  }
  return shuffle(batches, next)
}

/** A padded batch: B utterances, P symbols, U units, F = 5 U frames. Masks are 1 where there is something. */
export interface Batch {
  readonly size: number
  readonly symbols: number
  readonly units: number
  /** Units that are not padding. */
  readonly realUnits: number
  /** [B] index of the speaker. */
  readonly speakers: Int32Array
  /** [B, P] */
  readonly ids: Int32Array
  /** [B, P, POSITION_FIELDS] */
  readonly positions: Float32Array
  /** [B, P] */
  readonly symbolMask: Float32Array
  /** [B, P] ln units. */
  readonly lnDurations: Float32Array
  /** [B * U] row of every unit's symbol in [B * P, ..]. */
  readonly symbolOfUnit: Int32Array
  /** [B, U, UNIT_FIELDS] */
  readonly places: Float32Array
  /** [B, U] */
  readonly unitMask: Float32Array
  /** [B, U, 10] ln F0 of the unit's frames, normalised by speaker, then voicing. */
  readonly pitch: Float32Array
  /** [B, F, 64] normalised. */
  readonly envelope: Float32Array
  /** [B, F] weight of the frame's envelope: 0 padding, less than 1 for silence. */
  readonly frameWeight: Float32Array
}

/** Weight of frames that hold little but the noise floor. */
const SILENCE_WEIGHT = 0.2

export function createBatch(examples: readonly Example[], normalization: Normalization): Batch {
  const B = examples.length
  const P = Math.max(...examples.map((e) => e.ids.length))
  const U = Math.max(...examples.map((e) => e.units))
  const F = U * FRAMES_PER_UNIT
  const batch = {
    size: B,
    symbols: P,
    units: U,
    realUnits: examples.reduce((n, e) => n + e.units, 0),
    speakers: Int32Array.from(examples, (e) => e.speaker),
    ids: new Int32Array(B * P),
    positions: new Float32Array(B * P * POSITION_FIELDS),
    symbolMask: new Float32Array(B * P),
    lnDurations: new Float32Array(B * P),
    symbolOfUnit: new Int32Array(B * U),
    places: new Float32Array(B * U * UNIT_FIELDS),
    unitMask: new Float32Array(B * U),
    pitch: new Float32Array(B * U * PITCH_FIELDS),
    envelope: new Float32Array(B * F * ENVELOPE_POINTS),
    frameWeight: new Float32Array(B * F),
  }
  const { pitchMean, pitchSpread, envelopeMean, envelopeSpread, speakerPitch } = normalization
  examples.forEach((e, b) => {
    batch.ids.set(e.ids, b * P)
    batch.positions.set(positions(e.ids.length), b * P * POSITION_FIELDS)
    batch.symbolMask.fill(1, b * P, b * P + e.ids.length)
    batch.lnDurations.set(Float32Array.from(e.durations, Math.log), b * P)
    const { symbol, places } = unitPlaces(e.durations)
    for (let u = 0; u < U; u++) batch.symbolOfUnit[b * U + u] = b * P + (u < e.units ? symbol[u]! : 0)
    batch.places.set(places, b * U * UNIT_FIELDS)
    batch.unitMask.fill(1, b * U, b * U + e.units)
    const frames = e.units * FRAMES_PER_UNIT
    const ownMean = pitchMean + (speakerPitch[e.speaker] ?? 0)
    for (let f = 0; f < frames; f++) {
      const at = (b * U + Math.floor(f / FRAMES_PER_UNIT)) * PITCH_FIELDS + (f % FRAMES_PER_UNIT)
      batch.pitch[at] = (e.lnF0[f]! - ownMean) / pitchSpread
      batch.pitch[at + FRAMES_PER_UNIT] = e.voiced[f]!
    }
    for (let f = 0; f < frames; f++)
      for (let k = 0; k < ENVELOPE_POINTS; k++) {
        const value = e.envelope[f * ENVELOPE_POINTS + k]!
        batch.envelope[(b * F + f) * ENVELOPE_POINTS + k] = (value - envelopeMean[k]!) / envelopeSpread
      }
    loudFrames(e.envelope).forEach((loud, f) => {
      batch.frameWeight[b * F + f] = loud ? 1 : SILENCE_WEIGHT
    })
  })
  return batch
}
