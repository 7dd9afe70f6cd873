/** Where a symbol stands in its utterance, as the acoustic model sees it. */
import { POSITION_FIELDS, POSITION_SCALES } from './config.ts'

/** [P, POSITION_FIELDS]: sines and cosines of every symbol's distance to the start and to the end. */
export function positions(count: number): Float32Array {
  const out = new Float32Array(count * POSITION_FIELDS)
  let at = 0
  for (let i = 0; i < count; i++)
    for (const scale of POSITION_SCALES)
      for (const distance of [i, count - 1 - i]) {
        out[at++] = Math.sin(distance / scale)
        out[at++] = Math.cos(distance / scale)
      }
  return out
}
