/**
 * SET, sparse evolutionary training (Mocanu et al. 2018): blocks of lowest norm are exchanged for random ones.
 */
import { Random } from 'sparsewave/internal/random'
import { blocksOf } from '../net/blocks.ts'
import type { MaskMethodFactory } from '../net/mask.ts'
import { createDynamic, type DynamicOptions, dynamicOptions } from './dynamic.ts'

export const set: MaskMethodFactory<DynamicOptions> = {
  name: 'set',
  options: dynamicOptions,
  create: (context, options) =>
    createDynamic('set', context, options, false, (index, { step }) => {
      // A stream by matrix and update, so that a resumed run draws the same.
      const random = new Random(context.seed, 2 ** 20 + step * context.matrices.length + index)
      return new Float32Array(blocksOf(context.matrices[index]!)).map(() => random.uniform())
    }),
}
