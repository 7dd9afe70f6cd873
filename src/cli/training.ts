/** The trainer as the command line sees it: a package of its own, loaded on demand where it is installed. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { SparsewaveError } from '../errors.ts'
import type { ExtensionHost, HttpExtension } from '../extension.ts'

/** A line of `sparsewave doctor`. */
export interface ReportLine {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

interface Training {
  registerTrainingCommands(program: Command, host?: ExtensionHost): void
  /** Training over HTTP, which `serve --training` mounts. */
  createTrainingExtension?(log: (line: string) => void): Promise<HttpExtension>
  /** Which training engines can be used here, and why others cannot. */
  engineReport?(): Promise<readonly ReportLine[]>
}

const PACKAGE = 'sparsewave-training'

/** Commands that the trainer brings, with what `--help` says of them where it is not installed. */
export const TRAINING_COMMANDS: Readonly<Record<string, string>> = {
  train: 'train a net from a job file',
  study: 'compare methods: methods x densities x seeds',
  jobs: 'queue training jobs and run them',
  voice: 'make a voice of your own from recordings',
  compact: 'export a voice package from checkpoints',
  setup: 'build TensorFlow, with which acoustic models and voices are trained',
  evaluate: 'measure a voice or a checkpoint on held-out utterances',
}

/** The trainer installed beside this package, else in the working directory. Undefined where there is none. */
export async function loadTraining(): Promise<Training | undefined> {
  try {
    return (await import(PACKAGE)) as Training
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  let file: string
  try {
    file = createRequire(join(process.cwd(), 'index.js')).resolve(PACKAGE)
  } catch {
    return undefined
  }
  return (await import(pathToFileURL(file).href)) as Training
}

/** Not installed; or linked in a clone that has not built it. What it lacks itself is another error. */
const isMissing = (error: unknown): boolean =>
  ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException)?.code ?? '') &&
  new RegExp(`^Cannot find (?:module|package) '(?:[^']*/)?${PACKAGE}(?:/dist/index\\.js)?'`).test(
    (error as Error).message,
  )

/** Adds the trainer's commands so that `--help` lists them. Each throws TRAINING_MISSING. */
export function registerMissingTraining(program: Command): void {
  for (const [name, summary] of Object.entries(TRAINING_COMMANDS))
    program
      .command(name)
      .summary(`${summary} (needs ${PACKAGE})`)
      .argument('[words...]')
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw new SparsewaveError('TRAINING_MISSING', `\`sparsewave ${name}\` needs the package ${PACKAGE}.`)
      })
}
