/** A tiny net and made-up utterances for tests. Never part of a build's exports. */

import { random } from './batches.ts'
import { acousticConfigSchema, ENVELOPE_POINTS, FRAMES_PER_UNIT } from './config.ts'
import type { Example } from './example.ts'

export const TINY = acousticConfigSchema.parse({
  symbols: ' ab',
  channels: 8,
  encoderBlocks: 2,
  heads: 2,
  durationChannels: 6,
  pitchChannels: 4,
  pitchBlocks: 1,
  decoderBlocks: 1,
  frameChannels: 4,
  frameBlocks: 1,
  kernel: 3,
})

/** An utterance whose targets follow from its symbols plus a little noise. */
export function madeUp(seed: number, symbols: number): Example {
  const next = random(seed)
  const inner = Array.from({ length: symbols }, () => 1 + Math.floor(next() * 3))
  const ids = Int32Array.of(0, ...inner, 0)
  const durations = Int32Array.from(ids, (id) => 1 + id)
  const units = durations.reduce((a, b) => a + b, 0)
  const frames = units * FRAMES_PER_UNIT
  const voiced = new Uint8Array(frames)
  const lnF0 = new Float32Array(frames)
  const envelope = new Float32Array(frames * ENVELOPE_POINTS)
  let f = 0
  ids.forEach((id, s) => {
    for (let i = 0; i < durations[s]! * FRAMES_PER_UNIT; i++, f++) {
      voiced[f] = id > 1 ? 1 : 0
      lnF0[f] = 5 + 0.1 * id
      for (let k = 0; k < ENVELOPE_POINTS; k++)
        envelope[f * ENVELOPE_POINTS + k] = -10 + id * Math.cos(k / 8) + 0.1 * next()
    }
  })
  return { id: `made-up-${seed}`, speaker: 0, ids, durations, units, lnF0, voiced, envelope }
}
