/**
 * The registry of studies: one file and one line each.
 */
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import { cifar10 } from './cifar10.ts'
import { mnist } from './mnist.ts'
import { mnistSearch } from './mnist-search.ts'
import { pureEs, pureEsCifar10 } from './pure-es.ts'
import { sparseWavernn, sparseWavernnLong, sparseWavernnTurns } from './sparse-wavernn.ts'
import type { Study } from './study.ts'

export { runStudy } from './run.ts'

export const STUDIES: readonly Study[] = [
  mnist,
  mnistSearch,
  cifar10,
  sparseWavernn,
  sparseWavernnTurns,
  sparseWavernnLong,
  pureEs,
  pureEsCifar10,
]

/** Throws JOB_INVALID. */
export function findStudy(name: string): Study {
  const found = STUDIES.find((s) => s.name === name)
  if (found) return found
  const names = STUDIES.map((s) => s.name)
  const near = nearest(name, names)
  throw new SparsewaveError(
    'JOB_INVALID',
    `There is no study '${name}'; there are: ${names.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
    { remedy: 'Studies are declared in training/studies/.' },
  )
}
