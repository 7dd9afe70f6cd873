/**
 * The registry of mask methods: one file and one line each.
 */
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import type { MaskContext, MaskMethod, MaskMethodFactory } from '../net/mask.ts'
import { describeIssue } from '../net/schema.ts'
import { deepr } from './deepr.ts'
import { dense } from './dense.ts'
import { gumbel } from './gumbel.ts'
import { hardConcrete } from './hard-concrete.ts'
import { hybridEs } from './hybrid-es.ts'
import { magnitudePruning } from './magnitude-pruning.ts'
import { policyEs } from './policy-es.ts'
import { random } from './random.ts'
import { rigl } from './rigl.ts'
import { set } from './set.ts'

/** Hides a method's own options: `createMasks` hands every method what its schema made. */
const method = <O>(m: MaskMethodFactory<O>): MaskMethodFactory => m as unknown as MaskMethodFactory

const METHODS: readonly MaskMethodFactory[] = [
  method(random),
  method(hybridEs),
  method(policyEs),
  method(dense),
  method(magnitudePruning),
  method(set),
  method(rigl),
  method(deepr),
  method(hardConcrete),
  method(gumbel),
]

export const MASK_METHODS: readonly string[] = METHODS.map((m) => m.name)

/** The method `name` with `options` (defaults where absent). Throws JOB_INVALID for a name or an option that does not exist. */
export function createMasks(name: string, context: MaskContext, options: object = {}): MaskMethod {
  const found = METHODS.find((m) => m.name === name)
  if (!found) {
    const near = nearest(name, MASK_METHODS)
    throw new SparsewaveError(
      'JOB_INVALID',
      `There is no mask method '${name}'; there are: ${MASK_METHODS.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
    )
  }
  const parsed = found.options.safeParse(options)
  if (parsed.success) return found.create(context, parsed.data)
  throw new SparsewaveError('JOB_INVALID', `masks '${name}': ${describeIssue(found.options, parsed.error)}`)
}
