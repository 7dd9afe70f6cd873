/** The trainer as the command line sees it: loaded on demand, and only where the package has it. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'

/** A line of `sparsewave doctor`. */
export interface ReportLine {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

interface Training {
  registerTrainingCommands(program: Command): void
  /** Which training engines can be used here, and why others cannot. */
  engineReport?(): Promise<readonly ReportLine[]>
}

/** Loads training/cli; undefined where there is none. */
export async function loadTraining(): Promise<Training | undefined> {
  const url = ['../../training/cli.js', '../../training/cli.ts']
    .map((path) => new URL(path, import.meta.url))
    .find((candidate) => existsSync(candidate))
  return url && ((await import(url.href)) as Training)
}
