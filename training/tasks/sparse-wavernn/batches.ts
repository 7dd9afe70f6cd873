/**
 * Batches for truncated backpropagation: every lane reads one recording after another from front to back. The order, the noise
 * and the lanes' places follow from the seed and a small state, so that a resumed run sees the same batches. Planning them takes
 * the recordings' lengths alone; filling them, which costs the time, can be any thread's.
 */
import { Random } from 'sparsewave/internal/random'
import { FRAME_FEATURES, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { writeFrameFeatures } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { type Batch, EXAMPLE_ROWS, LANES } from '../../net/engine.ts'
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

export interface BatchState {
  /** Recordings handed out so far. */
  draws: number
  lanes: { draw: number; frame: number }[]
}

/** The recordings 0 .. count - 1 that batches are made of. */
export interface Recordings {
  readonly count: number
  /** Frames of one of them, without reading it. */
  frames(index: number): number
  read(index: number): Recording
}

/** Numbers that a plan has of every lane: draw, recording, first frame. */
const PLANNED = 3

/** What the lanes of one batch read. */
export interface Plan {
  /** [lanes, 3] of the part of the batch that is made here: the draw, which fixes the noise, its recording, the frame to start from. */
  readonly lanes: Int32Array
  /** Lanes of that part that begin a recording with this batch, whose states must start at zero. */
  readonly fresh: readonly number[]
  /** Passes over the corpus with this batch's draws. */
  readonly epochs: number
  /** The state that leads to this batch. */
  readonly before: BatchState
}

export interface LaneBatch extends Plan {
  readonly batch: Batch
}

/** @param shared in memory that threads share */
export function emptyBatch(groups: number, steps: number, shared = false): Batch {
  const frames = steps / STEPS_PER_FRAME
  const array = (size: number) => new Float32Array(shared ? new SharedArrayBuffer(size * 4) : new ArrayBuffer(size * 4))
  return {
    groups,
    steps,
    examples: array(groups * steps * EXAMPLE_ROWS * LANES),
    frames: array(groups * (frames + 2) * FRAME_FEATURES * LANES),
    weights: array(groups * frames * LANES),
  }
}

/** Fills lane `lane` of `batch` with steps from frame `start` of `u`; frames past its end get weight 0. */
export function fillLane(batch: Batch, lane: number, u: Utterance, start: number, normalization: Normalization): void {
  const group = Math.floor(lane / LANES)
  const l = lane % LANES
  const frames = batch.steps / STEPS_PER_FRAME
  const last = u.frames.count - 1
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
    const at = (group * batch.steps + i) * EXAMPLE_ROWS * LANES + l
    if (t < u.steps) u.write(t, batch.examples, at, LANES)
    else for (let k = 0; k < EXAMPLE_ROWS; k++) batch.examples[at + k * LANES] = 0
  }
}

const features = new Float32Array(FRAME_FEATURES)

/** Says which recordings the lanes of one batch after another read. */
export class Planner {
  readonly #recordings: Pick<Recordings, 'count' | 'frames'>
  readonly #options: BatchOptions
  readonly #lanes: Int32Array
  #begun = false
  #draws = 0
  #order: { epoch: number; indices: Uint32Array } | undefined
  readonly #part: readonly [number, number]

  /** @param part groups [from, to) whose lanes the plans hold */
  constructor(
    recordings: Pick<Recordings, 'count' | 'frames'>,
    options: BatchOptions,
    state?: BatchState,
    part: readonly [number, number] = [0, options.groups],
  ) {
    this.#recordings = recordings
    this.#options = options
    this.#part = part
    this.#lanes = new Int32Array(options.groups * LANES * PLANNED)
    if (!state || state.lanes.length === 0) return
    this.#begun = true
    this.#draws = state.draws
    for (const [lane, { draw, frame }] of state.lanes.entries())
      this.#lanes.set([draw, this.recordingOf(draw), frame], lane * PLANNED)
  }

  /** Passes over the corpus so far. */
  get epochs(): number {
    return this.#draws / this.#recordings.count
  }

  state(): BatchState {
    const lanes = this.#begun ? this.#lanes.length / PLANNED : 0
    const of = (lane: number) => ({ draw: this.#lanes[lane * PLANNED]!, frame: this.#lanes[lane * PLANNED + 2]! })
    return { draws: this.#draws, lanes: Array.from({ length: lanes }, (_, lane) => of(lane)) }
  }

  next(): Plan {
    const { groups, steps, seed } = this.#options
    const [lanes, begun, before] = [this.#lanes, this.#begun, this.state()]
    const fresh: number[] = []
    for (let lane = 0; lane < groups * LANES; lane++) {
      const at = lane * PLANNED
      if (begun && lanes[at + 2]! < this.#recordings.frames(lanes[at + 1]!)) continue
      const draw = this.#draws++
      const recording = this.recordingOf(draw)
      // Lanes start at different places of their first recordings, so that they do not all turn over at once.
      const frame = begun ? 0 : new Random(seed, 2 ** 31 + lane).below(this.#recordings.frames(recording))
      lanes.set([draw, recording, frame], at)
      fresh.push(lane)
    }
    this.#begun = true
    const [from, to] = this.#part.map((group) => group * LANES) as [number, number]
    const planned = lanes.slice(from * PLANNED, to * PLANNED)
    for (let at = 2; at < lanes.length; at += PLANNED) lanes[at]! += steps / STEPS_PER_FRAME
    const own = fresh.filter((lane) => lane >= from && lane < to).map((lane) => lane - from)
    return { lanes: planned, fresh: own, epochs: this.epochs, before }
  }

  /** Recording of draw `draw`: every epoch is a new permutation. */
  recordingOf(draw: number): number {
    const { count } = this.#recordings
    const epoch = Math.floor(draw / count)
    if (this.#order?.epoch !== epoch) {
      const indices = new Random(this.#options.seed, epoch).permutation(count)
      this.#order = { epoch, indices }
    }
    return this.#order.indices[draw % count]!
  }
}

/** Fills planned batches; keeps the recordings that its lanes are in. */
export class LaneReader {
  readonly #read: (index: number) => Recording
  readonly #normalization: Normalization
  readonly #options: BatchOptions
  readonly #open: { draw: number; utterance: Utterance }[] = []

  /** @param read reads recording `index` */
  constructor(read: (index: number) => Recording, normalization: Normalization, options: BatchOptions) {
    this.#read = read
    this.#normalization = normalization
    this.#options = options
  }

  /** Fills the groups of `into` from `group` on with planned lanes [lanes, 3], always the same ones of a plan. */
  fill(into: Batch, group: number, lanes: Int32Array): void {
    for (let lane = 0; lane < lanes.length / PLANNED; lane++) {
      const [draw, recording, frame] = lanes.subarray(lane * PLANNED)
      fillLane(into, group * LANES + lane, this.#utterance(lane, draw!, recording!), frame!, this.#normalization)
    }
  }

  #utterance(lane: number, draw: number, recording: number): Utterance {
    const open = this.#open[lane]
    if (open?.draw === draw) return open.utterance
    const random = new Random(this.#options.seed, 2 ** 30 + draw)
    // Quadratic: many recordings with little noise, a few with much.
    const noise = this.#options.noise * random.uniform() ** 2
    const utterance = new Utterance(this.#read(recording), noise, random.bits())
    this.#open[lane] = { draw, utterance }
    return utterance
  }
}

/** Plans and fills one batch after another in this thread. */
export class Batches {
  readonly #planner: Planner
  readonly #reader: LaneReader

  constructor(
    recordings: Recordings,
    normalization: Normalization,
    options: BatchOptions,
    state?: BatchState,
    part?: readonly [number, number],
  ) {
    this.#planner = new Planner(recordings, options, state, part)
    this.#reader = new LaneReader((index) => recordings.read(index), normalization, options)
  }

  get epochs(): number {
    return this.#planner.epochs
  }

  state(): BatchState {
    return this.#planner.state()
  }

  /** The next batch, written to `into` (made by `emptyBatch` with the part's groups and this object's steps). */
  next(into: Batch): LaneBatch {
    const plan = this.#planner.next()
    this.#reader.fill(into, 0, plan.lanes)
    return { ...plan, batch: into }
  }
}
