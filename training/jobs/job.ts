/**
 * Jobs: a YAML file names a task and its options. Reading one either gives a complete, checked job or says in one
 * sentence which key is wrong and what was probably meant.
 */
import { readFileSync } from 'node:fs'
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import { parse } from 'yaml'
import type { z } from 'zod'

export interface Progress {
  readonly stage: 'features' | 'train' | 'validation'
  readonly done: number
  readonly total: number
  /** Bits a step (train: smoothed), or the task's own loss. */
  readonly loss?: number
  readonly stepsPerSecond?: number
  /** Seconds of audio a second. */
  readonly audioPerSecond?: number
  /** Share of the masked matrices' blocks that the net goes without, 0-1. */
  readonly sparsity?: number
}

export interface JobContext {
  /** Go on from the run's newest checkpoint if there is one. */
  readonly resume: boolean
  /** Stop (with a checkpoint) after so many minutes. */
  readonly minutes: number | undefined
  /** Aborted: write a checkpoint and leave. */
  readonly signal: AbortSignal
  report(progress: Progress): void
  warn(message: string): void
}

export interface Task<J = unknown> {
  readonly name: string
  readonly schema: z.ZodType<J>
  run(job: J, context: JobContext): Promise<void>
}

/** Reads and checks a job file against the task it names; keys of `over` replace the file's. Throws JOB_INVALID. */
export function readJob(
  file: string,
  tasks: readonly Task[],
  over: Readonly<Record<string, unknown>> = {},
): { task: Task; job: unknown } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SparsewaveError(
      'JOB_INVALID',
      `Cannot read the job file ${file} (${(cause as NodeJS.ErrnoException).code}).`,
      { cause },
    )
  }
  return parseJob(text, file, tasks, over)
}

export function parseJob(
  text: string,
  name: string,
  tasks: readonly Task[],
  over: Readonly<Record<string, unknown>> = {},
): { task: Task; job: unknown } {
  const fail = (why: string) => new SparsewaveError('JOB_INVALID', `${name}: ${why}`)
  let value: unknown
  try {
    value = parse(text)
  } catch (cause) {
    throw fail(`it is not YAML (${cause instanceof Error ? cause.message.split('\n')[0]!.replace(/:$/, '') : cause}).`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('it is not a mapping of keys.')
  const wanted = (value as Record<string, unknown>).task
  const task = tasks.find((t) => t.name === wanted)
  if (!task) {
    const near =
      typeof wanted === 'string'
        ? nearest(
            wanted,
            tasks.map((t) => t.name),
          )
        : undefined
    const list = tasks.map((t) => t.name).join(', ')
    throw fail(
      `\`task\` must be one of ${list}${wanted === undefined ? '' : `, not '${wanted}'`}.${near ? ` Did you mean '${near}'?` : ''}`,
    )
  }
  const parsed = task.schema.safeParse({ ...value, ...over })
  if (parsed.success) return { task, job: parsed.data }
  throw fail(describeIssue(task.schema, parsed.error))
}

/** One sentence on what `schema` refuses: an unknown key with the nearest known one, or the first value that is wrong. */
export function describeIssue(schema: z.ZodType, { issues }: z.ZodError): string {
  // A mistyped key is why another is missing, so it comes first.
  const issue = issues.find((i) => i.code === 'unrecognized_keys') ?? issues[0]!
  const at = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const near = nearest(key, knownKeys(schema, issue.path))
    const full = (name: string) => `\`${[...issue.path, name].join('.')}\``
    return `unknown key ${full(key)}.${near ? ` Did you mean ${full(near)}?` : ''}`
  }
  const why = issue.message.replace(/^Invalid \w+: /, '')
  if (why.endsWith('received undefined')) return `the key \`${at}\` is missing.`
  return `${at ? `\`${at}\`` : 'the file'}: ${why}.`
}

/** Keys that the schema's object at `path` has. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = unwrap(schema)
  for (const key of path) at = unwrap(at?.shape?.[key as string])
  return Object.keys(at?.shape ?? {})
}

interface Introspected {
  readonly shape?: Record<string, z.ZodType>
  readonly def?: { innerType?: z.ZodType }
}

function unwrap(schema: z.ZodType | undefined): Introspected | undefined {
  let at = schema as unknown as Introspected | undefined
  while (at && !at.shape && at.def?.innerType) at = at.def.innerType as unknown as Introspected
  return at
}
