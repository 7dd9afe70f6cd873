/**
 * The registry of mask methods: one file and one line each.
 */
import { nearest, SparsewaveError } from '../../src/errors.ts'
import type { MaskContext, MaskMethod } from './mask.ts'
import { createRandomMasks } from './random.ts'

const METHODS: Record<string, (context: MaskContext) => MaskMethod> = {
  random: createRandomMasks,
}

export const MASK_METHODS: readonly string[] = Object.keys(METHODS)

export function createMasks(name: string, context: MaskContext): MaskMethod {
  const create = METHODS[name]
  if (create) return create(context)
  const near = nearest(name, MASK_METHODS)
  throw new SparsewaveError(
    'JOB_INVALID',
    `There is no mask method '${name}'; there are: ${MASK_METHODS.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
  )
}
