/**
 * Jobs: a YAML file names a task and its options. Reading one either gives a complete, checked job or says in one
 * sentence which key is wrong and what was probably meant.
 */
import { readFileSync } from 'node:fs'
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import { parse } from 'yaml'
import type { z } from 'zod'
import type { JobContext } from '../net/context.ts'
import { describeIssue } from '../net/schema.ts'

export interface Task<J = unknown> {
  readonly name: string
  readonly schema: z.ZodType<J>
  /** Can be trained by several processes together. */
  readonly ranks?: boolean
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
