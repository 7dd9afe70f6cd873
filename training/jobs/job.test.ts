import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { describeIssue } from '../net/schema.ts'
import { TASKS } from '../tasks/index.ts'
import { parseJob, readJob } from './job.ts'

const GOOD = 'task: sparse-wavernn\ncorpus: c\nrun: r\n'
const parse = (text: string) => parseJob(text, 'job.yaml', TASKS)

test('a job that names task, corpus and run has every other key by default', () => {
  const { task, job } = parse(GOOD)
  expect(task.name).toBe('sparse-wavernn')
  expect(job).toMatchObject({
    engine: 'auto',
    seed: 1,
    net: { hidden: 384, density: { candidate: 0.25 } },
    masks: { method: 'random' },
    training: { lanes: 32, steps: 150, noise: 0.3 },
    checkpoint: { minutes: 3 },
  })
})

test('keys that are given stay; defaults fill the mapping around them', () => {
  expect(parse(`${GOOD}net: { density: { reset: .2 } }\ntraining: { updates: 5 }`).job).toMatchObject({
    net: { density: { reset: 0.2, update: 0.1 } },
    training: { updates: 5, lanes: 32 },
  })
})

test('the job files of the repository are valid', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'))
  expect(files.length).toBeGreaterThan(1)
  for (const file of files) expect(() => readJob(path.join(import.meta.dirname, file), TASKS)).not.toThrow()
})

test.each([
  ['an unknown key', `${GOOD}treads: 2`, 'unknown key `treads`. Did you mean `threads`?'],
  [
    'an unknown key two levels down',
    `${GOOD}net: { density: { rest: .1 } }`,
    'unknown key `net.density.rest`. Did you mean `net.density.reset`?',
  ],
  [
    'an unknown key of a part with defaults',
    `${GOOD}training: { learning_rate: .1 }`,
    'unknown key `training.learning_rate`. Did you mean `training.learningRate`?',
  ],
  ['an unknown key like no other', `${GOOD}xyzzy: 1`, 'unknown key `xyzzy`.'],
  ['a key whose mistyping leaves another missing', GOOD.replace('corpus', 'corups'), 'Did you mean `corpus`?'],
  [
    "another task's key",
    `${GOOD.replace('sparse-wavernn', 'acoustic')}model: { chanels: 8 }`,
    'unknown key `model.chanels`. Did you mean `model.channels`?',
  ],
  ['an unknown task', 'task: sparse-wavenet', "not 'sparse-wavenet'. Did you mean 'sparse-wavernn'?"],
  ['no task', 'corpus: c', '`task` must be one of sparse-wavernn, acoustic.'],
  ['a missing key', 'task: sparse-wavernn\nrun: r', 'the key `corpus` is missing.'],
  ['a number where a mapping belongs', `${GOOD}training: 3`, '`training`: expected object, received number.'],
  [
    'text where a number belongs',
    `${GOOD}training: { lanes: many }`,
    '`training.lanes`: expected number, received string.',
  ],
  ['a number out of range', `${GOOD}net: { density: { head: 2 } }`, '`net.density.head`: '],
  ['lanes that fill no group', `${GOOD}training: { lanes: 20 }`, '`training.lanes`: must be a multiple of 16.'],
  ['a list', '- task', 'it is not a mapping of keys.'],
  ['nothing', '', 'it is not a mapping of keys.'],
  ['what is not YAML', 'task: [sparse', 'it is not YAML ('],
  ['a key given twice', `${GOOD}run: s`, 'Map keys must be unique'],
])('%s is refused in one sentence', (_, text, message) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({ code: 'JOB_INVALID', message: expect.stringContaining(`${message}`) }),
  )
  expect(() => parse(text)).toThrow(/^job\.yaml: [^\n]+\.( Did you mean [^\n]+\?)?$/)
})

test('a file that cannot be read is named', () => {
  expect(() => readJob('no/such.yaml', TASKS)).toThrow(
    expect.objectContaining({ code: 'JOB_INVALID', message: 'Cannot read the job file no/such.yaml (ENOENT).' }),
  )
})

test('what is wrong with the file as a whole is said of the file', () => {
  const schema = TASKS[0]!.schema
  expect(describeIssue(schema, schema.safeParse(3).error!)).toBe('the file: expected object, received number.')
})
