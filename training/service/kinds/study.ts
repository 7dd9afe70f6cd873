/** `study`: compares methods on a declared grid. Its result is the page, its plots and the log that they are made from. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { studyJob } from '../../queue/add.ts'
import { parseBody } from '../request-error.ts'
import type { JobKind } from './kind.ts'

const OUT = 'out'
const schema = z.strictObject({ study: z.string().min(1).max(64) })
const nameOf = (job: Readonly<Record<string, unknown>>): string => parseBody(schema, job).study

export const study: JobKind = {
  name: 'study',
  says: 'Runs a study by its name, `{"study": "mnist"}`. It needs no file: the server has the data sets.',
  needsFile: false,
  log: (job) => path.join(OUT, 'data', `${nameOf(job)}.jsonl`),
  prepare: (job, { folder, shared }) => studyJob(nameOf(job), { shared, out: OUT, folder }),
  result(folder, job) {
    const name = nameOf(job)
    return [`${name}.md`, `${name}.svg`, `data/${name}.jsonl`].flatMap((file) => {
      const at = path.join(folder, OUT, file)
      return existsSync(at) ? [{ name: file, bytes: readFileSync(at) }] : []
    })
  },
}
