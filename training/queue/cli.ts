/** `sparsewave jobs`: add, list, show, cancel, logs, run. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import cliProgress from 'cli-progress'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { ExtensionHost } from 'sparsewave/internal/extension'
import { untilSignalled } from '../signals.ts'
import { STUDIES } from '../studies/index.ts'
import { TASKS } from '../tasks/index.ts'
import { type NewJob, openQueue, type Queue, type QueuedJob, studyJob, trainJob, workOn } from './index.ts'
import { type JobQueue, openJobQueue } from './job-queue.ts'
import { performJob } from './perform.ts'
import { DEFAULT_QUEUE } from './queue.ts'
import type { Told } from './run.ts'

const number = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be the number of a job.')
  return value
}

const port = (text: string): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65535)
    throw new InvalidArgumentError('It must be a whole number from 0 to 65535.')
  return value
}

const SERVE_EXAMPLES = `
Examples:
  sparsewave keys create studio --file keys.txt --scopes train
  SPARSEWAVE_KEYS_FILE=keys.txt sparsewave jobs serve --port 8090`

const EXAMPLES = `
Examples:
  sparsewave jobs add train training/jobs/standard.yaml
  sparsewave jobs add study mnist
  sparsewave jobs run                # until the queue is empty; Ctrl-C: checkpoint, and the job waits again
  sparsewave jobs list               # from another terminal
  sparsewave jobs logs 1 --follow`

interface QueueFlag {
  readonly queue: string
}

interface When {
  readonly priority?: number
  readonly repeat?: string
}

async function put(queue: JobQueue, job: NewJob, { priority, repeat }: When): Promise<void> {
  if (repeat === undefined) return added(await queue.add(job, { ...(priority !== undefined && { priority }) }))
  await queue.schedule(repeat, job)
  print(`${job.name} is added at '${repeat}'; \`sparsewave jobs schedules\` lists such jobs.`)
}

export function registerJobCommands(program: Command, host?: ExtensionHost): void {
  const jobs = program
    .command('jobs')
    .summary('a queue of trainings and studies')
    .description('Trainings and studies that run one after another and survive crashes, kills and full disks.')
    .addHelpText('after', EXAMPLES)
  const command = (parent: Command, name: string, summary: string) =>
    parent
      .command(name)
      .summary(summary)
      .description(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`)
      .addOption(new Option('--queue <file>', "the queue's file").env('SPARSEWAVE_QUEUE').default(DEFAULT_QUEUE))
  /** Opens the queue for the time of `use`. */
  const using = async <T>({ queue: file }: QueueFlag, use: (queue: JobQueue) => Promise<T>): Promise<T> => {
    const queue = await openJobQueue(file)
    try {
      return await use(queue)
    } finally {
      await queue.close()
    }
  }

  const add = jobs.command('add').summary('add a training or a study').description('Adds a training or a study.')
  command(add, 'train', 'add the training of a job file')
    .argument('<job.yaml>', 'job file, see training/jobs/; it is kept as it is now')
    .option('--resume', "go on from the run's newest checkpoint", false)
    .option('--priority <n>', 'lower numbers run first; needs REDIS_URL', number)
    .option('--repeat <cron>', 'add it again at these times, such as "0 3 * * *"; needs REDIS_URL')
    .action((file: string, o: QueueFlag & When & { resume: boolean }) =>
      using(o, (queue) => put(queue, trainJob(file, { tasks: TASKS, resume: o.resume }), o)),
    )
  command(add, 'study', 'add a study')
    .argument('<name>', STUDIES.map((s) => s.name).join(', '))
    .option('--shared <folder>', 'folder that holds corpus/ and data/', '../shared')
    .option('-o, --output <folder>', 'where the document and data/<name>.jsonl go', 'docs/measurements/studies')
    .option('--priority <n>', 'lower numbers run first; needs REDIS_URL', number)
    .option('--repeat <cron>', 'add it again at these times, such as "0 3 * * *"; needs REDIS_URL')
    .action((name: string, o: QueueFlag & When & { shared: string; output: string }) =>
      using(o, (queue) => put(queue, studyJob(name, { shared: o.shared, out: o.output }), o)),
    )

  command(jobs, 'list', 'list the jobs that wait or run')
    .option('--all', 'those that have ended, too', false)
    .option('--json', 'as JSON, a line a job', false)
    .action((o: QueueFlag & { all: boolean; json: boolean }) =>
      using(o, async (queue) => {
        const found = await queue.list(o)
        if (o.json) for (const job of found) print(JSON.stringify(job))
        else if (found.length === 0)
          print(o.all ? 'No jobs.' : 'No jobs wait or run; --all lists those that have ended.')
        else for (const line of table(found)) print(line)
      }),
    )
  command(jobs, 'show', 'show a job')
    .argument('<id>', 'its number', number)
    .option('--json', 'as JSON', false)
    .action((id: number, o: QueueFlag & { json: boolean }) =>
      using(o, async (queue) => {
        const job = await queue.job(id)
        if (o.json) print(JSON.stringify(job))
        else for (const line of description(job, queue.logOf(id))) print(line)
      }),
    )
  command(jobs, 'cancel', 'cancel a job; one that runs leaves a checkpoint')
    .argument('<id>', 'its number', number)
    .action((id: number, o: QueueFlag) =>
      using(o, async (queue) => {
        const before = (await queue.job(id)).state
        const state = await queue.cancel(id)
        if (state === 'running') print(`Job ${id} was asked to stop.`)
        else if (state === before) print(`Job ${id} had ended: ${state}.`)
        else print(`Job ${id} is ${state}.`)
      }),
    )
  command(jobs, 'logs', "print a job's log")
    .argument('<id>', 'its number', number)
    .option('-f, --follow', 'go on while the job waits or runs', false)
    .action((id: number, o: QueueFlag & { follow: boolean }) => using(o, (queue) => printLog(queue, id, o.follow)))
  command(jobs, 'run', 'run the jobs of the queue, one after another')
    .option('--watch', 'wait for more when the queue is empty', false)
    .action((o: QueueFlag & { watch: boolean }) =>
      using(o, (queue) => untilSignalled((signal) => run(queue, o.watch, signal))),
    )
  command(jobs, 'schedules', 'list what is added again and again; needs REDIS_URL')
    .option('--remove <place>', 'end the schedule that writes to this place')
    .action((o: QueueFlag & { remove?: string }) =>
      using(o, async (queue) => {
        if (o.remove !== undefined) {
          if (await queue.unschedule(o.remove)) return print(`Nothing is added for ${o.remove} any more.`)
          throw new SparsewaveError('JOB_UNKNOWN', `No schedule writes to ${o.remove}.`, {
            remedy: '`sparsewave jobs schedules` lists the places.',
          })
        }
        const found = await queue.schedules()
        if (found.length === 0) print('No schedules.')
        for (const { pattern, name, target, next } of found)
          print(`${pattern}  ${name}  ${target}  next ${next ?? '-'}`)
      }),
    )
  jobs.command('perform', { hidden: true }).action(perform)
  jobs
    .command('work', { hidden: true })
    .argument('<id>', '', number)
    .requiredOption('--queue <file>')
    .action(async (id: number, o: QueueFlag) => {
      const queue = await openQueue(o.queue)
      await work(queue, id).finally(() => queue.close())
    })
  jobs
    .command('serve')
    .summary('serve files and jobs over HTTP')
    .description(
      'Serves files and jobs over HTTP, without speech, and runs the jobs. Settings come from the environment.',
    )
    .option('-p, --port <port>', 'port to listen on (or PORT, default 8080)', port)
    .option('--host <address>', 'address to listen on (or HOST, default all)')
    .addHelpText('after', SERVE_EXAMPLES)
    .action(async (o: { port?: number; host?: string }) => {
      if (!host) throw new SparsewaveError('USAGE', 'This program has no HTTP server.', { remedy: 'Use `sparsewave`.' })
      const { trainingExtension } = await import('../service/index.ts')
      await host.serve(await trainingExtension((line) => void process.stderr.write(`${line}\n`)), o)
    })
}

const print = (line: string) => void process.stdout.write(`${line}\n`)
const added = (id: number) => print(`Job ${id} is queued; \`sparsewave jobs run\` runs it.`)
const stateOf = (job: QueuedJob) => (job.interrupted ? 'interrupted' : job.cancelling ? 'stopping' : job.state)
const percent = (job: QueuedJob) => `${Math.floor(100 * job.progress)} %`

function table(found: readonly QueuedJob[]): string[] {
  const rows = [
    ['id', 'state', '', 'job', ''],
    ...found.map((job) => [`${job.id}`, stateOf(job), percent(job), job.name, job.error ?? job.detail]),
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}

function description(job: QueuedJob, log: string): string[] {
  const { spec } = job
  const rows: [string, string | undefined][] = [
    ['job', `${job.id}: ${job.name}`],
    ['state', stateOf(job)],
    ['progress', `${percent(job)}${job.detail ? `, ${job.detail}` : ''}`],
    ['error', job.error],
    ['crashes', job.crashes > 0 ? `${job.crashes}` : undefined],
    ['writes to', job.target],
    ['runs in', spec.folder],
    ['log', log],
    ['added', job.added],
    ['started', job.started],
    ['ended', job.ended],
  ]
  const lines = rows.filter(([, v]) => v !== undefined).map(([name, v]) => `${name.padEnd(11)}${v}`)
  return spec.kind === 'train' ? [...lines, '', spec.text.trimEnd()] : lines
}

async function printLog(queue: JobQueue, id: number, follow: boolean): Promise<void> {
  await queue.job(id)
  const file = queue.logOf(id)
  let at = 0
  for (;;) {
    // Looked at before the file, so that the last lines of a job that ends right now are printed.
    const { state } = await queue.job(id)
    at = copyFrom(file, at)
    if (!follow || (state !== 'queued' && state !== 'running')) return
    await wait(300)
  }
}

/** Copies what `file` has after `at` to stdout; gives where it ended. */
function copyFrom(file: string, at: number): number {
  if (!existsSync(file)) return at
  const handle = openSync(file, 'r')
  try {
    const rest = Buffer.alloc(Math.max(0, fstatSync(handle).size - at))
    const count = readSync(handle, rest, 0, rest.length, at)
    process.stdout.write(rest.subarray(0, count))
    return at + count
  } finally {
    closeSync(handle)
  }
}

async function run(queue: JobQueue, watch: boolean, signal: AbortSignal): Promise<void> {
  const format = 'job {id} {bar} {percentage}%  ETA {eta_formatted}  {detail}'
  const bar = process.stderr.isTTY
    ? new cliProgress.SingleBar({ format, hideCursor: true, fps: 4, etaBuffer: 50 }, cliProgress.Presets.shades_classic)
    : undefined
  const say = (line: string) => process.stderr.write(`${line}\n`)
  try {
    const outcomes = await queue.run({
      watch,
      signal,
      started(job) {
        say(`job ${job.id} (${job.name}): ${job.interrupted || job.progress > 0 ? 'goes on' : 'starts'}`)
        bar?.start(1, job.progress, { id: job.id, detail: job.detail })
      },
      progress: (job, progress, detail) => bar?.update(progress, { id: job.id, detail }),
      ended(job, outcome) {
        bar?.stop()
        say(`job ${job.id} (${job.name}): ${outcome}${job.error ? `: ${job.error}` : ''}`)
      },
    })
    const all = [...outcomes.values()]
    if (outcomes.size === 0 && !signal.aborted) say('No job waits.')
    if (all.includes('disk-full')) {
      throw new SparsewaveError('DISK_FULL', 'The disk is full; the job waits where its last checkpoint left it.', {
        remedy: 'Make room, then run `sparsewave jobs run` again.',
      })
    }
    if (all.some((outcome) => outcome === 'failed' || outcome === 'crashed')) process.exitCode = 1
  } finally {
    bar?.stop()
  }
}

/** The process of a job: what `run` starts. It leaves, with a checkpoint, when its runner ends. */
async function work(queue: Queue, id: number): Promise<void> {
  // The log is a file; where its disk is full, the job matters more.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const stop = new AbortController()
  const leave = () => stop.abort()
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.on(event, leave)
  const tell = (told: Told) =>
    new Promise<void>((resolve) => {
      if (process.connected) process.send!(told, undefined, undefined, () => resolve())
      else resolve()
    })
  let told = 0
  const outcome = await workOn(
    queue,
    id,
    { tasks: TASKS, studies: STUDIES },
    {
      signal: stop.signal,
      report(progress, detail) {
        if (performance.now() - told < 250) return
        told = performance.now()
        void tell({ progress, detail })
      },
    },
  )
  await tell({ outcome })
  if (process.connected) process.disconnect()
}

/** The process of a job of Redis: its runner sends the spec, and hears what came of it. It leaves when the runner ends. */
async function perform(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  await performJob({ tasks: TASKS, studies: STUDIES })
}
