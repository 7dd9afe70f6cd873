/**
 * Random parameters and batches with the ranges of real ones, for tests of engines and their benchmark. Equal seeds give equal data.
 */
import { Random } from 'sparsewave/internal/random'
import { BANDS, FRAME_FEATURES, STEP_INPUTS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { randomMasks } from '../masks/random.ts'
import { type Batch, EXAMPLE_ROWS, LANES } from '../net/engine.ts'
import type { MaskSet } from '../net/mask.ts'
import { elementIndex, maskedSegments, type ParameterLayout, type Segment } from '../net/vocoder-layout.ts'

export const syntheticMasks = (layout: ParameterLayout, seed: number): MaskSet =>
  randomMasks({ matrices: maskedSegments(layout), seed })

/** No parameter is 0 but the padding, so that every path carries gradient. */
export function syntheticParameters(layout: ParameterLayout, seed: number): Float32Array {
  const parameters = new Float32Array(layout.size)
  for (const [i, s] of layout.segments.entries()) {
    const random = new Random(seed, i)
    const scale = s.fanIn > 0 ? 1 / Math.sqrt(s.fanIn) : 0.1
    for (let k = 0; k < s.size; k++) parameters[s.offset + k] = scale * random.normal()
    // Heads have 12 outputs in 16 rows; log scales start at -1.
    const head = s.name.startsWith('head.output.')
    for (let k = 0; head && k < s.size; k++) {
      const row = s.rows > 1 ? k % 16 : k
      if (row >= 12) parameters[s.offset + k] = 0
      else if (row >= 8 && s.rows === 1) parameters[s.offset + k]! -= 1
    }
  }
  return parameters
}

/** Unit-variance inputs limited to -6..6 and targets; with `gaps` the last frames of some lanes have weight 0. */
export function syntheticBatch(groups: number, steps: number, seed: number, gaps = true): Batch {
  const frames = steps / STEPS_PER_FRAME
  const fill = (size: number, stream: number): Float32Array => {
    const random = new Random(seed, stream)
    return new Float32Array(size).map(() => Math.max(-6, Math.min(6, random.normal())))
  }
  return {
    groups,
    steps,
    examples: joined(fill(groups * steps * INPUTS, 0), fill(groups * steps * TARGETS, 1)),
    frames: fill(groups * (frames + 2) * FRAME_FEATURES * LANES, 2),
    weights: new Float32Array(groups * frames * LANES).map((_, i) => {
      const frame = Math.floor(i / LANES) % frames
      return gaps && i % 5 === 4 && frame === frames - 1 ? 0 : 1
    }),
  }
}

const [INPUTS, TARGETS] = [STEP_INPUTS.count * LANES, BANDS * LANES]

/** [steps, D, 16] and [steps, 4, 16] as [steps, D + 4, 16]. */
function joined(inputs: Float32Array, targets: Float32Array): Float32Array {
  const out = new Float32Array(inputs.length + targets.length)
  for (let i = 0; i < targets.length / TARGETS; i++) {
    out.set(inputs.subarray(i * INPUTS, (i + 1) * INPUTS), i * (INPUTS + TARGETS))
    out.set(targets.subarray(i * TARGETS, (i + 1) * TARGETS), i * (INPUTS + TARGETS) + INPUTS)
  }
  return out
}

/** The inputs and targets of a batch's examples. */
export function splitExamples({ groups, steps, examples }: Batch): { inputs: Float32Array; targets: Float32Array } {
  const inputs = new Float32Array(groups * steps * INPUTS)
  const targets = new Float32Array(groups * steps * TARGETS)
  for (let i = 0; i < groups * steps; i++) {
    const at = i * (INPUTS + TARGETS)
    inputs.set(examples.subarray(at, at + INPUTS), i * INPUTS)
    targets.set(examples.subarray(at + INPUTS, at + INPUTS + TARGETS), i * TARGETS)
  }
  return { inputs, targets }
}

/** Frames [start, end) of every lane, with their context. */
export function sliceBatch(batch: Batch, start: number, end: number): Batch {
  const total = batch.steps / STEPS_PER_FRAME
  const cut = (data: Float32Array, perFrame: number, rows: number, from: number, to: number): Float32Array => {
    const parts = Array.from({ length: batch.groups }, (_, g) =>
      data.subarray((g * rows + from) * perFrame, (g * rows + to) * perFrame),
    )
    return Float32Array.from(parts.flatMap((p) => [...p]))
  }
  return {
    groups: batch.groups,
    steps: (end - start) * STEPS_PER_FRAME,
    examples: cut(batch.examples, STEPS_PER_FRAME * EXAMPLE_ROWS * LANES, total, start, end),
    frames: cut(batch.frames, FRAME_FEATURES * LANES, total + 2, start, end + 2),
    weights: cut(batch.weights, LANES, total, start, end),
  }
}

/** Whether element (row, column) of a masked segment lies in a block that one of the members keeps. */
export function isKept(s: Segment & { kept: number }, members: readonly MaskSet[]): (index: number) => boolean {
  const kept = new Uint8Array(s.size)
  for (const masks of members)
    for (const [k, column] of masks.get(s.name)!.entries()) {
      const first = elementIndex(s, Math.floor(k / s.kept) * 16, column) - s.offset
      kept.fill(1, first, first + 16)
    }
  return (index) => kept[index - s.offset] === 1
}
