/**
 * Every block kept: the net that is not sparse. `small-dense` is the same method on a narrower net of equal cost
 * (`equalCostDense` of the task), so that the two controls differ in their net only.
 */

import { SparsewaveError } from 'sparsewave/internal/errors'
import { z } from 'zod'
import type { MaskMethodFactory } from '../net/mask.ts'
import { heldMasks, randomMasks } from './random.ts'

export const dense: MaskMethodFactory<object> = {
  name: 'dense',
  options: z.strictObject({}),
  create(context) {
    const sparse = context.matrices.find((m) => m.kept < m.columns)
    if (sparse) {
      throw new SparsewaveError(
        'JOB_INVALID',
        `Masks 'dense' keep every block, but ${sparse.name} has a lower density.`,
        {
          remedy: 'Set every density of the net to 1.',
        },
      )
    }
    return heldMasks('dense', randomMasks(context))
  },
}
