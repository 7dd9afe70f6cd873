/**
 * Batches for truncated backpropagation: every lane reads one recording after another from front to back. The order, the noise
 * and the lanes' places follow from the seed and a small state, so that a resumed run sees the same batches.
 */
import { Random } from 'sparsewave/internal/random'
import { BANDS, FRAME_FEATURES, STEP_INPUTS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { writeFrameFeatures } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { type Batch, LANES } from '../../net/engine.ts'
import { type Recording, Utterance } from './utterance.ts'

/** Mean and standard deviation of the frame features, [66] each. */
export interface Normalization {
  readonly mean: Float32Array
  readonly std: Float32Array
}

export interface BatchOptions {
  readonly groups: number
  /** Steps a batch, a multiple of 30. */
  readonly steps: number
  readonly seed: number
  /** Largest standard deviation of the noise on the past, in residual gains; every recording draws its own. */
  readonly noise: number
}

interface Lane {
  utterance: Utterance
  /** Draw of the recording in the run, which fixes which recording it is and its noise. */
  draw: number
  frame: number
}

export interface BatchState {
  /** Recordings handed out so far. */
  draws: number
  lanes: { draw: number; frame: number }[]
}

/** A batch and the lanes that begin a recording with it, whose states must start at zero. */
export interface LaneBatch {
  readonly batch: Batch
  readonly fresh: readonly number[]
}

export function emptyBatch(groups: number, steps: number): Batch {
  const frames = steps / STEPS_PER_FRAME
  return {
    groups,
    steps,
    inputs: new Float32Array(groups * steps * STEP_INPUTS.count * LANES),
    targets: new Float32Array(groups * steps * BANDS * LANES),
    frames: new Float32Array(groups * (frames + 2) * FRAME_FEATURES * LANES),
    weights: new Float32Array(groups * frames * LANES),
  }
}

/** Fills lane `lane` of `batch` with steps from frame `start` of `u`; frames past its end get weight 0. */
export function fillLane(batch: Batch, lane: number, u: Utterance, start: number, normalization: Normalization): void {
  const group = Math.floor(lane / LANES)
  const l = lane % LANES
  const frames = batch.steps / STEPS_PER_FRAME
  const last = u.frames.count - 1
  const features = new Float32Array(FRAME_FEATURES)
  for (let f = -1; f <= frames; f++) {
    writeFrameFeatures(u.frames, Math.min(Math.max(start + f, 0), last), features, 0)
    const at = (group * (frames + 2) + f + 1) * FRAME_FEATURES
    for (let i = 0; i < FRAME_FEATURES; i++) {
      batch.frames[(at + i) * LANES + l] = (features[i]! - normalization.mean[i]!) / normalization.std[i]!
    }
  }
  for (let f = 0; f < frames; f++) batch.weights[(group * frames + f) * LANES + l] = start + f <= last ? 1 : 0
  for (let i = 0; i < batch.steps; i++) {
    const t = start * STEPS_PER_FRAME + i
    const at = (group * batch.steps + i) * STEP_INPUTS.count * LANES + l
    const targetAt = (group * batch.steps + i) * BANDS * LANES + l
    if (t < u.steps) {
      u.write(t, batch.inputs, at, batch.targets, targetAt, LANES)
    } else {
      for (let k = 0; k < STEP_INPUTS.count; k++) batch.inputs[at + k * LANES] = 0
      for (let b = 0; b < BANDS; b++) batch.targets[targetAt + b * LANES] = 0
    }
  }
}

export class Batches {
  readonly #load: (index: number) => Recording
  readonly #recordings: number
  readonly #normalization: Normalization
  readonly #options: BatchOptions
  readonly #lanes: Lane[] = []
  #draws = 0
  #order: { epoch: number; indices: Uint32Array } | undefined

  /** @param load reads recording `index` of 0 .. recordings - 1 */
  constructor(
    load: (index: number) => Recording,
    recordings: number,
    normalization: Normalization,
    options: BatchOptions,
    state?: BatchState,
  ) {
    this.#load = load
    this.#recordings = recordings
    this.#normalization = normalization
    this.#options = options
    if (state) {
      this.#draws = state.draws
      this.#lanes = state.lanes.map(({ draw, frame }) => ({ utterance: this.#open(draw), draw, frame }))
    }
  }

  /** Passes over the corpus so far. */
  get epochs(): number {
    return this.#draws / this.#recordings
  }

  state(): BatchState {
    return { draws: this.#draws, lanes: this.#lanes.map(({ draw, frame }) => ({ draw, frame })) }
  }

  /** The next batch, written to `into` (made by `emptyBatch` with this object's groups and steps). */
  next(into: Batch): LaneBatch {
    const { groups, steps } = this.#options
    const fresh: number[] = []
    for (let lane = 0; lane < groups * LANES; lane++) {
      let at = this.#lanes[lane]
      if (!at) {
        // Lanes start at different places of their first recordings, so that they do not all turn over at once.
        const utterance = this.#open(this.#draws)
        const start = new Random(this.#options.seed, 2 ** 31 + lane).below(utterance.frames.count)
        at = { utterance, draw: this.#draws++, frame: start }
        this.#lanes[lane] = at
        fresh.push(lane)
      } else if (at.frame >= at.utterance.frames.count) {
        at.utterance = this.#open(this.#draws)
        at.draw = this.#draws++
        at.frame = 0
        fresh.push(lane)
      }
      fillLane(into, lane, at.utterance, at.frame, this.#normalization)
      at.frame += steps / STEPS_PER_FRAME
    }
    return { batch: into, fresh }
  }

  /** Recording of draw `draw`: every epoch is a new permutation. */
  #open(draw: number): Utterance {
    const epoch = Math.floor(draw / this.#recordings)
    if (this.#order?.epoch !== epoch) {
      const random = new Random(this.#options.seed, epoch)
      const indices = Uint32Array.from({ length: this.#recordings }, (_, i) => i)
      for (let i = indices.length - 1; i > 0; i--) {
        const j = random.below(i + 1)
        const swap = indices[i]!
        indices[i] = indices[j]!
        indices[j] = swap
      }
      this.#order = { epoch, indices }
    }
    const random = new Random(this.#options.seed, 2 ** 30 + draw)
    // Quadratic: many recordings with little noise, a few with much.
    const noise = this.#options.noise * random.uniform() ** 2
    const recording = this.#load(this.#order.indices[draw % this.#recordings]!)
    return new Utterance(recording, noise, random.bits())
  }
}
