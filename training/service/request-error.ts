/** Errors of a request, with the field that is wrong, and messages that name no file of the server. */
import { type ErrorCode, SparsewaveError } from 'sparsewave/internal/errors'
import type { z } from 'zod'
import { describeIssue } from '../net/schema.ts'

export class RequestError extends SparsewaveError {
  /** The field that is wrong. */
  readonly param: string | null

  constructor(code: ErrorCode, message: string, param: string | null = null, options?: { remedy?: string }) {
    super(code, message, options)
    this.name = 'RequestError'
    this.param = param
  }
}

/** A request's body as its schema gives it. Throws REQUEST_INVALID. */
export function parseBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value ?? {})
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues.find((i) => i.code === 'unrecognized_keys') ?? parsed.error.issues[0]!
  const at = [...issue.path, ...(issue.code === 'unrecognized_keys' ? [issue.keys[0]!] : [])].join('.')
  throw new RequestError('REQUEST_INVALID', sentence(describeIssue(schema, parsed.error)), at || null)
}

const sentence = (text: string): string => {
  const said = text.replace(/^the file:/, 'The body:')
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}`
}

/** What a client may do about errors whose own remedy is for a command line. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  JOB_INVALID: 'Compare `job` with the keys of a job file.',
  JOB_UNKNOWN: '`GET /v1/training/jobs` lists the jobs there are.',
  CORPUS_MISSING: 'Put corpus.jsonl or metadata.csv into the archive.',
  DISK_FULL: 'Delete files and jobs that are no longer needed, or ask the operator for room.',
}
/** Errors whose message is the operator's business. */
const OPERATORS: ReadonlySet<ErrorCode> = new Set(['QUEUE_UNAVAILABLE', 'VOICE_DAMAGED', 'VOICE_MISMATCH'])

/** A text without the folders that only the server knows. */
export const withoutPaths = (text: string, root: string): string =>
  text.replaceAll(`${root}/`, '').replace(/(?:files|jobs|uploads)\/[a-z]+-[0-9a-f]{24}\//g, '')

/** An error as a client may see it: paths below `root` lose it. What is no client's business stays as it is, for the log. */
export function publicly(error: unknown, root: string): unknown {
  if (!(error instanceof SparsewaveError)) return error
  if (OPERATORS.has(error.code))
    return new RequestError(error.code, 'The server cannot do this now.', null, {
      remedy: 'Ask the operator of the server.',
    })
  const remedy = REMEDIES[error.code] ?? error.remedy
  const { param = null } = error as Partial<RequestError>
  const message = withoutPaths(error.message, root)
  return new RequestError(error.code, message, param, { remedy })
}
