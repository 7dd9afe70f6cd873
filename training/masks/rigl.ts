/**
 * RigL (Evci et al. 2020, "Rigging the Lottery"): blocks of lowest norm are exchanged for those whose gradient is largest. The
 * dense gradient is made on the updates before an exchange only.
 */

import type { MaskMethodFactory } from '../net/mask.ts'
import { createDynamic, type DynamicOptions, dynamicOptions } from './dynamic.ts'

export const rigl: MaskMethodFactory<DynamicOptions> = {
  name: 'rigl',
  options: dynamicOptions,
  create: (context, options) =>
    createDynamic('rigl', context, options, true, (index, _, { norms }) => norms!.get(context.matrices[index]!.name)!),
}
