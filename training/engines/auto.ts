/**
 * What `engine: auto` trains a run with: where a GPU is there beside the native engine, a few updates of the job itself are timed on
 * both and the faster one is taken. The choice is kept in the run's folder, so that a run stays on its engine when it is resumed.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { nativeIsas } from '../net/addon.ts'
import { replaceFile } from '../net/checkpoint-files.ts'
import type { Engine } from '../net/engine.ts'
import { findAdapterInUse } from './webgpu/device.ts'

const FILE = 'engine.json'
/** Updates that are timed, after one that warms up; the fastest counts. */
const TIMED = 3

export interface Choice {
  readonly engine: string
  /** Seconds of an update by engine; none where there was no choice. */
  readonly seconds: Readonly<Record<string, number>>
  /** What the timing depends on. */
  readonly job: string
}

export interface ChooseOptions {
  /** Folder of the run. */
  readonly run: string
  /** Take what the run's folder says, if that engine is there and the job is the same. */
  readonly resume: boolean
  /** Everything that an update's time depends on. */
  readonly job: object
  create(name: string): Promise<Engine>
  /** Does one update of the job; `i` counts from 0. */
  start(engine: Engine): (i: number) => Promise<void>
  /** Names of the engines to choose from, the one to take without timing first (default: what is here). */
  readonly candidates?: readonly string[]
  report(message: string): void
  /** Milliseconds (default: the process's clock). */
  readonly now?: () => number
}

/** Throws what the first engine throws where none of several can train the job. */
export async function chooseEngine(o: ChooseOptions): Promise<Choice> {
  const candidates = o.candidates ?? (await engineCandidates())
  const job = JSON.stringify(o.job)
  const [only] = candidates
  // The native engine says best what it lacks.
  if (candidates.length < 2) return { engine: only ?? 'native', seconds: {}, job }
  const saved = o.resume ? readChoice(o.run) : undefined
  if (saved?.job === job && candidates.includes(saved.engine)) return saved
  const seconds: Record<string, number> = {}
  const names: Record<string, string> = {}
  const errors: unknown[] = []
  for (const name of candidates) {
    try {
      const engine = await o.create(name)
      names[name] = engine.name
      try {
        seconds[name] = await timeUpdates(o.start(engine), Math.min(...Object.values(seconds)), o.now)
      } finally {
        engine.close()
      }
    } catch (error) {
      // Nobody asked for this engine: a driver that fails is no reason not to train.
      errors.push(error)
      o.report(`${name} is not considered: ${(error as Error).message}`)
    }
  }
  const [fastest] = Object.entries(seconds).sort(([, a], [, b]) => a - b)
  if (!fastest) throw errors[0]
  const choice: Choice = { engine: fastest[0], seconds, job }
  replaceFile(path.join(o.run, FILE), Buffer.from(`${JSON.stringify(choice, null, 1)}\n`))
  const told = Object.entries(seconds).map(([name, s]) => `${names[name]} ${s.toPrecision(3)} s`)
  o.report(`Training on ${fastest[0]}; an update takes: ${told.join(', ')}.`)
  return choice
}

/** Engines that `auto` can choose from here: the native one where it is built, webgpu where a GPU is. */
export async function engineCandidates(): Promise<string[]> {
  const found: string[] = []
  try {
    nativeIsas()
    found.push('native')
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
  }
  const adapter = await findAdapterInUse()
  // A software device computes on the same processor, and slower.
  if (adapter && !adapter.software) found.push('webgpu')
  return found
}

/** Seconds of the fastest update; stops early where one takes longer than twice what another engine needs. */
async function timeUpdates(
  update: (i: number) => Promise<void>,
  best: number,
  now: () => number = () => performance.now(),
): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i <= TIMED; i++) {
    const before = now()
    await update(i)
    // The first one compiles kernels and touches memory.
    if (i > 0) fastest = Math.min(fastest, (now() - before) / 1000)
    if (i > 0 && fastest > 2 * best) break
  }
  return fastest
}

function readChoice(run: string): Choice | undefined {
  try {
    return JSON.parse(readFileSync(path.join(run, FILE), 'utf8')) as Choice
  } catch {
    // Absent or damaged: it is measured again.
    return undefined
  }
}
