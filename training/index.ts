/**
 * The training commands of `sparsewave`: train, study, jobs, compact, evaluate, voice, setup.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { ExtensionHost, HttpExtension } from 'sparsewave/internal/extension'
import { VOCODERS, type VocoderKind } from 'sparsewave/internal/vocoder/vocoder'
import { engineReport } from './engines/index.ts'
import { describeMeasures, type EvaluateOptions, evaluateCheckpoint, evaluateVoice } from './evaluate/evaluate.ts'
import { compactVoice } from './export/voice.ts'
import { readJob } from './jobs/job.ts'
import { serveTrainingMetrics } from './jobs/metrics.ts'
import { createProgressView } from './jobs/progress.ts'
import type { JobContext } from './net/context.ts'
import type { Ranks } from './net/ranks.ts'
import { registerJobCommands } from './queue/cli.ts'
import { withRanks } from './ranks/index.ts'
import { TRAINING_ROOT } from './root.ts'
import { untilSignalled } from './signals.ts'
import { findStudy, runStudy, STUDIES } from './studies/index.ts'
import { createStudyView } from './studies/view.ts'
import { TASKS } from './tasks/index.ts'
import { registerVoiceCommands } from './voices/cli.ts'

export { engineReport }

/** Training over HTTP, for `sparsewave serve --training`. */
export async function createTrainingExtension(log: (line: string) => void): Promise<HttpExtension> {
  const { trainingExtension } = await import('./service/index.ts')
  return trainingExtension(log)
}

const count = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}

const amount = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 3))
    throw new InvalidArgumentError('It must be a number from 0 to 3.')
  return value
}

const minutes = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

interface TrainFlags {
  readonly resume: boolean
  readonly minutes?: number
  readonly engine?: string
  readonly metricsPort?: number
}

interface CompactFlags {
  readonly output: string
  readonly acoustic?: string
  readonly description?: string
  readonly sharpen: number
  readonly corpus: readonly string[]
  readonly cache: string
}

/** `ranks`: the processes that mpirun has started, this one among them. */
async function train(file: string, options: TrainFlags, ranks: Ranks | undefined): Promise<void> {
  const over = options.engine === undefined ? {} : { engine: options.engine }
  const { task, job } = readJob(file, TASKS, over)
  if (ranks && !task.ranks) {
    const able = TASKS.filter((t) => t.ranks).map((t) => t.name)
    throw new SparsewaveError(
      'JOB_INVALID',
      `\`task: ${task.name}\` trains in one process; over MPI: ${able.join(', ')}.`,
      {
        remedy: 'Start it without mpirun.',
      },
    )
  }
  const leads = ranks?.leads ?? true
  const metrics =
    options.metricsPort === undefined || !leads ? undefined : await serveTrainingMetrics(options.metricsPort)
  const view = createProgressView()
  const context: Omit<JobContext, 'signal'> = {
    resume: options.resume,
    minutes: options.minutes,
    ranks,
    report(p) {
      if (!leads) return
      view.report(p)
      metrics?.report(p)
    },
    warn: (message) => leads && process.stderr.write(`\n${message}\n`),
  }
  await untilSignalled(async (signal) => {
    try {
      await task.run(job, { ...context, signal })
    } finally {
      view.stop()
      await metrics?.stop()
    }
  })
}

/** `host` starts HTTP servers for the commands that need one. */
export function registerTrainingCommands(program: Command, host?: ExtensionHost): void {
  program
    .command('train')
    .summary('train a net from a job file')
    .description('Trains what the job file says; Ctrl-C or SIGTERM writes a checkpoint and leaves.')
    .argument('<job.yaml>', 'job file, see training/jobs/')
    .option('--resume', "go on from the run's newest checkpoint", false)
    .option('--minutes <n>', 'stop after so many minutes, with a checkpoint', minutes)
    .option(
      '--engine <name>',
      "compute, instead of the job file's: native, webgpu, tfjs or auto; a run may go on with another",
    )
    .option('--metrics-port <n>', "serve the run's Prometheus metrics on this port while it lasts", count)
    .addHelpText(
      'after',
      '\nExamples:\n  sparsewave train training/jobs/standard.yaml\n  sparsewave train training/jobs/standard.yaml --resume --minutes 30\n  sparsewave train training/jobs/standard.yaml --resume --engine webgpu',
    )
    .action((file: string, options: TrainFlags) => withRanks((ranks) => train(file, options, ranks)))
  program
    .command('study')
    .summary('compare methods: methods x densities x seeds')
    .description(
      `Runs a declared grid to completion or a time limit and writes its document; started again it goes on where it was. Studies:\n${STUDIES.map((s) => `  ${s.name}  ${s.title}`).join('\n')}`,
    )
    .argument('<name>', 'the study')
    .option('--limit <minutes>', 'start no run after so many minutes', minutes)
    .option('--shared <folder>', 'folder that holds corpus/ and data/', '../shared')
    .option('--engine <name>', 'what trains: native, webgpu, tfjs or auto; not for studies without gradients')
    .option('--report', 'only write the document from the runs there are', false)
    .option('-o, --output <folder>', 'where the document and data/<name>.jsonl go', 'docs/measurements/studies')
    .addHelpText(
      'after',
      '\nExamples:\n  sparsewave study mnist\n  sparsewave study mnist --limit 10      # run it again to go on\n  sparsewave study mnist -o /tmp/rerun   # from nothing, elsewhere',
    )
    .action(
      async (name: string, o: { limit?: number; shared: string; engine?: string; report: boolean; output: string }) => {
        const study = findStudy(name)
        const view = createStudyView()
        try {
          await untilSignalled(async (signal) => {
            const { done, total } = await runStudy(study, {
              out: o.output,
              shared: o.shared,
              engine: o.engine,
              limit: o.limit,
              reportOnly: o.report,
              signal,
              report: (p) => view.report(p),
            })
            view.stop()
            process.stderr.write(`${o.output}/${study.name}.md: ${done} of ${total} runs\n`)
          })
        } finally {
          view.stop()
        }
      },
    )

  registerJobCommands(program, host)
  registerVoiceCommands(program)

  program
    .command('setup')
    .summary('build TensorFlow, with which acoustic models and voices are trained')
    .description(
      'Builds the native binding of TensorFlow.js once, in runs/tensorflow or SPARSEWAVE_TENSORFLOW. Needs Linux on x64, a C++ compiler, make, and python3 with pip.',
    )
    .addHelpText('after', '\nExample:\n  sparsewave setup')
    .action(async () => {
      const script = path.join(TRAINING_ROOT, 'scripts', 'setup-tensorflow.mjs')
      const [code] = (await once(spawn(process.execPath, [script], { stdio: 'inherit' }), 'exit')) as [number | null]
      process.exitCode = code ?? 1
    })

  program
    .command('compact')
    .summary('export a voice package from checkpoints')
    .description("Keeps the masks' blocks only and writes the package of the voice; what is not given stays as it was.")
    .argument('<checkpoint>', 'checkpoint file or run folder of the vocoder')
    .requiredOption('-o, --output <folder>', "folder of the voice; its name is the voice's")
    .option('--acoustic <checkpoint>', 'checkpoint file or run folder of the acoustic model')
    .option(
      '--sharpen <x>',
      "sharpening of the acoustic model's envelopes: 1 = the recordings' variance, 0 = none",
      amount,
      1.4,
    )
    .option('--corpus <folders...>', 'corpora that sharpening is measured on', ['../shared/corpus'])
    .option('--cache <folder>', 'feature cache', 'runs/cache')
    .option('--description <file.yaml>', 'what voice.json says of the voice, see training/voices/')
    .addHelpText(
      'after',
      '\nExample:\n  sparsewave compact runs/standard -o models/heart --acoustic runs/acoustic --description training/voices/heart.yaml',
    )
    .action(async (checkpoint: string, options: CompactFlags) => {
      const { output: out, acoustic, description, sharpen, corpus: corpora, cache } = options
      const manifest = await compactVoice({ checkpoint, out, acoustic, description, sharpen, corpora, cache })
      for (const [name, { bytes }] of Object.entries(manifest.files)) {
        process.stderr.write(`${out}/${name}  ${(bytes / 1e6).toFixed(2)} MB\n`)
      }
    })

  program
    .command('evaluate')
    .summary('measure a voice or a checkpoint on held-out utterances')
    .description(
      'Held-out likelihood (checkpoints) and copy synthesis of the test set: pitch, spectrum, silence, band edges. With -o it writes the WAVs that a judge needs.',
    )
    .argument('<voice or run>', 'name of a voice, checkpoint file or run folder')
    .option('--corpus <folder>', 'corpus with the test utterances (ids ending in 7)', '../shared/corpus')
    .option('--cache <folder>', 'feature cache', 'runs/cache')
    .option('--utterances <n>', 'how many', count, 16)
    .option('--vocoder <kind>', `${VOCODERS.join(' or ')}, for a voice`)
    .option('--seed <n>', 'seed of the noise', count, 1)
    .option('-o, --output <folder>', 'write WAVs, pairs.tsv and measures.json here')
    .addHelpText('after', '\nExamples:\n  sparsewave evaluate heart -o runs/eval\n  sparsewave evaluate runs/standard')
    .action(
      async (
        what: string,
        o: { corpus: string; cache: string; utterances: number; vocoder?: string; seed: number; output?: string },
      ) => {
        if (o.vocoder !== undefined && !VOCODERS.includes(o.vocoder as VocoderKind)) {
          throw new InvalidArgumentError(`--vocoder must be ${VOCODERS.join(' or ')}.`)
        }
        const options: EvaluateOptions = { ...o, out: o.output, report: (line) => process.stdout.write(`${line}\n`) }
        const result = existsSync(what)
          ? await evaluateCheckpoint(what, options)
          : await evaluateVoice(what, o.vocoder as VocoderKind | undefined, options)
        if (result.bits) {
          const sum = result.bits.reduce((a, b) => a + b, 0)
          process.stdout.write(
            `held-out bits a step by band: ${result.bits.map((b) => b.toFixed(3)).join(' ')}, sum ${sum.toFixed(3)}\n`,
          )
        }
        process.stdout.write(
          `mean: ${describeMeasures(result.mean)}\nreal-time factor ${result.realTimeFactor.toFixed(3)}\n`,
        )
      },
    )
}
