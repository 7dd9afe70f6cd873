/** Trainings on ranks, workers or alone in a folder of their own, as real processes, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bytesOf } from 'sparsewave/internal/arrays'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { CHECKPOINT_FILE } from '../net/checkpoint-files.ts'
import { type Checkpoint, readCheckpoint } from '../tasks/sparse-wavernn/checkpoint.ts'
import { TINY_NET, writeMadeUpCorpus } from '../tasks/sparse-wavernn/testing.ts'

const COMMAND = path.join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
export const UPDATES = 60
export const TRAINING = { updates: UPDATES, lanes: 64, steps: 60, warmup: 20, learningRate: 4e-3, average: 0.9 }
/** Mirrored pairs until half of the run, then one member: both ways to share a batch. */
const POPULATION = { method: 'hybrid-es', pairs: 2, share: 'pairs', freeze: 0.5, accumulate: 5 }
/** mpirun refuses root unless it is told twice. */
const ROOT = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }

export interface Started {
  readonly child: ChildProcess
  said(): string
}

/** The program before `node`, and its arguments; none: one process alone. */
export type Launcher = readonly string[]
export const alone: Launcher = []
export const mpirun = (ranks: number): Launcher => ['mpirun', '--oversubscribe', '-np', `${ranks}`]

export class RankRuns {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'ranks-'))

  constructor() {
    writeMadeUpCorpus(path.join(this.dir, 'corpus'))
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }

  jobFile(run: string, over: object = {}): string {
    const at = (name: string) => path.join(this.dir, name)
    const job = {
      ...{ task: 'sparse-wavernn', corpus: at('corpus'), run: at(run), cache: at('cache') },
      ...{ net: TINY_NET, masks: POPULATION, engine: 'native', training: TRAINING },
      ...{ validation: { every: 30 }, checkpoint: { minutes: 1e-4 } },
      ...over,
    }
    // JSON is YAML.
    writeFileSync(at(`${run}.yaml`), JSON.stringify(job))
    return at(`${run}.yaml`)
  }

  start(launcher: Launcher, file: string, ...more: string[]): Started {
    const [program, ...args] = [...launcher, process.execPath, COMMAND, 'train', file, ...more]
    // `npm test` has built what is stale.
    const env = { ...process.env, SPARSEWAVE_SKIP_BUILD: '1', ...ROOT }
    const child = spawn(program!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr!.on('data', (data) => {
      said += data
    })
    return { child, said: () => said }
  }

  /** Trains to the end; gives what it said. Throws when it fails. */
  async train(launcher: Launcher, file: string, ...more: string[]): Promise<string> {
    const { child, said } = this.start(launcher, file, ...more)
    await once(child, 'close')
    if (child.exitCode !== 0) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${said()}`)
    return said()
  }

  checkpoint(run: string): Checkpoint {
    return readCheckpoint(path.join(this.dir, run, CHECKPOINT_FILE))
  }

  /** All of a run's checkpoint but the clock, arrays by their digest. */
  outcome(run: string): object {
    const { wallSeconds: _, masks, normalization, ...rest } = this.checkpoint(run)
    const digest = (v: unknown) => (ArrayBuffer.isView(v) ? createHash('sha256').update(bytesOf(v)).digest('hex') : v)
    return Object.fromEntries(Object.entries({ ...rest, ...masks, ...normalization }).map(([k, v]) => [k, digest(v)]))
  }

  /** Lines of a run's log without clocks, and the bytes that each says were sent. */
  log(run: string): { entry: object; sentBytes: number | undefined }[] {
    return readFileSync(path.join(this.dir, run, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const { time: _, wallSeconds: __, sentBytes, ...entry } = JSON.parse(line)
        return { entry, sentBytes }
      })
  }

  /** The processes of a training, by rank. */
  pids(file: string): Map<number, number> {
    const found = new Map<number, number>()
    for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        if (!command.startsWith([process.execPath, COMMAND, 'train', file].join('\0'))) continue
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        const rank = /(?:^|\0)OMPI_COMM_WORLD_RANK=(\d+)/.exec(environment)?.[1]
        if (rank !== undefined) found.set(Number(rank), Number(pid))
      } catch {
        // It has ended.
      }
    }
    return found
  }

  /** Does something at the `nth` change in a run's folder; gives what ends the watch. */
  atChange(run: string, nth: number, act: () => void): () => void {
    let changes = 0
    const watcher = watch(this.dir, { recursive: true }, (_, file) => {
      if (file?.startsWith(`${run}/`) && ++changes === nth) act()
    })
    return () => watcher.close()
  }
}
