/**
 * Adam's step on the device: the gradient's norm, summed in a fixed order, then the update, which keeps out where the norm is not finite.
 */
import { LANES } from '../../net/engine.ts'
import type { Layout } from '../../net/layout.ts'
import type { Call } from './net.ts'
import type { Sizes } from './session.ts'
import { FLAGS, type ShaderName } from './shaders.ts'

/** Elements that a workgroup of the norm adds up. */
const SPAN = 2048

export function optimizer({ size }: Layout): {
  sizes(stateFloats: number): Sizes
  readonly shaders: readonly ShaderName[]
  readonly calls: readonly Call[]
} {
  const partials = Math.ceil(size / SPAN)
  const reduce = (from: string, to: string, uniform: Call['uniform'], groups: number): Call => ({
    shader: 'reduce',
    groups: [groups, 1],
    buffers: { w: 'gradient', x: from, y: to },
    uniform,
    matrices: [],
  })
  return {
    /** What a run keeps: parameters, moments and average in `trained`; its state, the next one, which lanes go on; what an update writes. */
    sizes: (stateFloats) => ({
      trained: 4 * size,
      carried: Math.max(LANES, stateFloats),
      next: Math.max(LANES, stateFloats),
      running: Math.max(LANES, stateFloats),
      constants: LANES,
      partials,
      norm: 4,
    }),
    shaders: ['reduce', 'adam'],
    calls: [
      reduce('gradient', 'partials', { size, each: SPAN, flags: FLAGS.squares }, partials),
      reduce('partials', 'norm', { size: partials, each: partials, flags: FLAGS.root }, 1),
      {
        shader: 'adam',
        groups: [Math.ceil(size / 256), 1],
        buffers: { w: 'gradient', x: 'gradient', a: 'constants', b: 'norm', y: 'trained' },
        uniform: { size },
        matrices: [],
      },
    ],
  }
}
