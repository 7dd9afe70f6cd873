/** `vocoder`: trains a Sparse WaveRNN. Its result is what `sparsewave compact` makes of the vocoder's part of a voice. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { vocoderFiles } from '../../export/voice.ts'
import { openCheckpoint } from '../../tasks/sparse-wavernn/open.ts'
import type { JobKind } from './kind.ts'
import { LOG, RUN, trainingJob } from './training.ts'

/** Recordings that a run synthesizes at each validation, unless the client says otherwise. */
const SAMPLES = 2

/** The job with samples to listen to. What is wrong in it is left to the job file's check. */
function withSamples(job: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { validation = {} } = job
  if (typeof validation !== 'object' || validation === null || Array.isArray(validation)) return job
  return { ...job, validation: { samples: SAMPLES, ...validation } }
}

export const vocoder: JobKind = {
  name: 'vocoder',
  says: 'Trains a vocoder on recordings. `job` has the keys of `task: sparse-wavernn`. `from` and `acoustic` name a job or a voice, and `more` lists files.',
  needsFile: true,
  run: RUN,
  hasSnapshots: true,
  log: () => LOG,
  prepare: (job, place) =>
    trainingJob('sparse-wavernn', withSamples(job), place, { starts: ['from', 'acoustic'], files: ['more'] }),
  result(folder) {
    const files = vocoderFiles(openCheckpoint(path.join(folder, RUN)))
    const log = path.join(folder, LOG)
    return [
      ...Object.entries(files).map(([name, bytes]) => ({ name, bytes })),
      ...(existsSync(log) ? [{ name: 'log.jsonl', bytes: readFileSync(log) }] : []),
    ]
  },
}
