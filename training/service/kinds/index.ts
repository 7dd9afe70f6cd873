/** The registry of what clients may ask for: one file and one line each. */
import { nearest } from 'sparsewave/internal/errors'
import { RequestError } from '../request-error.ts'
import { acoustic } from './acoustic.ts'
import type { JobKind } from './kind.ts'
import { study } from './study.ts'
import { vocoder } from './vocoder.ts'

export const JOB_KINDS: readonly JobKind[] = [vocoder, acoustic, study]

/** Throws REQUEST_INVALID. */
export function kindOf(name: string): JobKind {
  const found = JOB_KINDS.find((kind) => kind.name === name)
  if (found) return found
  const names = JOB_KINDS.map((kind) => kind.name)
  const near = nearest(name, names)
  throw new RequestError(
    'REQUEST_INVALID',
    `\`kind\` must be one of ${names.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
    'kind',
  )
}
