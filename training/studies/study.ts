/**
 * A study: methods x densities x seeds, every cell one run with the same budget of compute at its density. What a study declares
 * stands in one file of this folder and one line of index.ts; run.ts runs the grid, report.ts writes the document.
 */

import type { LoggedRun, Measured } from './log.ts'

export interface StudyMethod {
  /** The row's name in tables, unique. */
  readonly label: string
  /** Mask method of training/masks and its options. */
  readonly masks: { readonly method: string } & Readonly<Record<string, unknown>>
  /** `equal-cost`: the dense net whose training costs what the sparse one's does; `dense`: the net itself at density 1. */
  readonly net?: 'equal-cost' | 'dense'
  /** A variant of `hybrid-es` or `policy-es` that is not the hybrid but what it is held against. */
  readonly control?: boolean
  /** One clause for the table of methods. */
  readonly note: string
}

export interface Cell {
  readonly method: StudyMethod
  readonly density: number
  readonly seed: number
}

export interface StudyRunner {
  run(cell: Cell, options: { signal: AbortSignal; report(progress: number): void }): Promise<Measured>
  close(): void
}

export interface Study {
  readonly name: string
  readonly title: string
  /** Paragraphs of the document: task, net, split, rates, what was cut. */
  readonly text: readonly string[]
  readonly metric: { readonly name: string; readonly unit: string; readonly digits: number }
  /** Label of the curves' y axis. */
  readonly lossName: string
  readonly methods: readonly StudyMethod[]
  /** In the order they run; tables sort them. */
  readonly densities: readonly number[]
  readonly seeds: readonly number[]
  /** Multiply-accumulates of a run at a density, 1e9. */
  budget(density: number): number
  /** Everything else that a figure depends on: a changed one makes old runs void. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Throws for a method that is none of the study's learners, where those are no mask methods. */
  check?(method: StudyMethod): void
  /** What the committed runs show, in paragraphs that stand beside their tables. */
  readonly reading?: readonly string[]
  /** Lines of the document after the result, from the runs of the grid. */
  more?(runs: readonly LoggedRun[]): string[]
  /** Reads the data. `shared`: folder that holds the data sets and the corpus; `engine`: what trains, where the study has a choice. */
  open(shared: string, engine?: string): Promise<StudyRunner>
}

/**
 * Cells in the order they run: density by density as declared, and all methods of a seed before the next seed, so that what is
 * done when a study is stopped can be compared.
 */
export const cells = (study: Study): Cell[] =>
  study.densities.flatMap((density) =>
    study.seeds.flatMap((seed) => study.methods.map((method) => ({ method, density, seed }))),
  )

/** What identifies a run: a line of the log with the same key is that run done. */
export const cellKey = (study: Study, { method, density, seed }: Cell): string =>
  JSON.stringify({
    masks: method.masks,
    net: method.net ?? 'sparse',
    density,
    seed,
    gmacs: study.budget(density),
    ...study.settings,
  })
