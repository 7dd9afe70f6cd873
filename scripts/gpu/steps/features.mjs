/**
 * The features of a job's recordings on all cores; `sparsewave train` makes them on two.
 *
 *     node steps/features.mjs ROOT JOB.yaml
 */

import { availableParallelism } from 'node:os'
import { loader } from './load.mjs'

const [root, file] = process.argv.slice(2)
const load = loader(root)
const { readJob } = await load('training/jobs/job.js')
const { TASKS } = await load('training/tasks/index.js')
const { buildCache, readCorpus, split } = await load('training/data/index.js')
const { augment } = await load('training/data/augment.js')

const { job } = readJob(file, TASKS)
const own = readCorpus(job.corpus)
const train = own.filter((u) => split(u.id) === 'train').slice(0, job.utterances || undefined)
const all = [...new Set([...own, ...train, ...(job.augment ? augment(train, job.augment, job.seed) : [])])]
const threads = availableParallelism()
const before = performance.now()
await buildCache(all, job.cache, { threads })
const audio = all.reduce((sum, u) => sum + (u.samples ?? 0), 0) / 24000
const took = (performance.now() - before) / 1000
console.log(`${all.length} recordings, ${audio.toFixed(0)} s of audio, in ${took.toFixed(1)} s on ${threads} threads`)
