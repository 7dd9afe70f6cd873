/**
 * Events of a job: what its clients did to it, and what its run logged. Both are files of JSON lines, and a place in them is an
 * event's id, so a client that comes back goes on where it was, with any server that shares the folder.
 */
import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Response } from 'express'

const FILE = 'events.jsonl'

export type Level = 'info' | 'warn' | 'error'

export interface JobEvent {
  readonly id: string
  readonly object: 'training.job.event'
  readonly created_at: number
  readonly level: Level
  readonly type: 'message' | 'metrics'
  readonly message: string
  readonly data: Readonly<Record<string, unknown>> | null
}

/** Bytes of the two files that were read. */
export interface Position {
  readonly own: number
  readonly log: number
}
export const START: Position = { own: 0, log: 0 }

export function addEvent(folder: string, level: Level, message: string): void {
  appendFileSync(path.join(folder, FILE), `${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`)
}

export const positionOf = (text: string | undefined): Position => {
  const [, own, log] = /^(\d{1,12})\.(\d{1,12})$/.exec(text ?? '') ?? []
  return own === undefined ? START : { own: Number(own), log: Number(log) }
}

/** Most that is read of a file at once. Bytes. */
const PIECE = 4 * 2 ** 20

type Line = Readonly<Record<string, unknown>>

/** Whole lines of JSON after `from`, each with the place where it ends. What is no JSON is passed over. */
function linesAfter(file: string, from: number): { line: Line; end: number }[] {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch {
    return []
  }
  try {
    const size = fstatSync(handle).size
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - from, PIECE)))
    const text = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, from))
    const found: { line: Line; end: number }[] = []
    for (let at = 0; ; ) {
      const newline = text.indexOf(10, at)
      if (newline < 0) return found
      try {
        const line = JSON.parse(text.toString('utf8', at, newline)) as unknown
        if (typeof line === 'object' && line !== null) found.push({ line: line as Line, end: from + newline + 1 })
      } catch {
        // Cut short by a kill.
      }
      at = newline + 1
    }
  } finally {
    closeSync(handle)
  }
}

const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined
const timeOf = ({ time }: Line): number => Math.floor(Date.parse(String(time)) / 1000) || 0

/** Fields of a log's line that clients get. */
const FIELDS = [
  'update',
  'loss',
  'smoothed',
  'norm',
  'rate',
  'epochs',
  'bits',
  'audioSeconds',
  'wallSeconds',
  'gmacs',
  'masks',
] as const
const STUDY = ['method', 'density', 'seed', 'value', 'updates', 'seconds'] as const

const pick = (line: Line, names: readonly string[]) =>
  Object.fromEntries(names.flatMap((name) => (line[name] === undefined ? [] : [[name, line[name]]])))

function fromLog(line: Line): Omit<JobEvent, 'id'> | undefined {
  const update = number(line.update)
  const loss = number(line.loss)?.toFixed(3)
  const make = (level: Level, type: JobEvent['type'], message: string, names: readonly string[] = FIELDS) => ({
    object: 'training.job.event' as const,
    created_at: timeOf(line),
    level,
    type,
    message,
    data: { event: String(line.event ?? 'run'), ...pick(line, names) },
  })
  switch (line.event) {
    case 'train':
      return make('info', 'metrics', `Update ${update}: loss ${loss}.`)
    case 'validation':
      return make('info', 'metrics', `Update ${update}: held-out loss ${loss}.`)
    case 'diverged':
      return make('warn', 'message', `Update ${update} diverged. The run goes on from its checkpoint at half the rate.`)
    case 'lost':
      return make('warn', 'message', `The device was lost. The run goes on from update ${update}.`)
    case 'engine':
      return make('info', 'message', `Trains on the engine ${String(line.engine)}.`)
    case undefined:
      return line.method === undefined
        ? undefined
        : make(
            'info',
            'metrics',
            `${String(line.method)} ${String(line.density)} seed ${String(line.seed)}: ${number(line.value)}.`,
            STUDY,
          )
    default:
      return undefined
  }
}

/** Events after a place, in the order of their times, and the place after them. */
export function eventsAfter(folder: string, log: string, from: Position): { events: JobEvent[]; at: Position } {
  const own = linesAfter(path.join(folder, FILE), from.own)
  const logged = linesAfter(log, from.log)
  const events: JobEvent[] = []
  let at = from
  const add = (event: Omit<JobEvent, 'id'> | undefined) => event && events.push({ id: `${at.own}.${at.log}`, ...event })
  let [i, k] = [0, 0]
  while (i < own.length || k < logged.length) {
    const [mine, its] = [own[i], logged[k]]
    if (mine && (!its || String(mine.line.time) <= String(its.line.time))) {
      i++
      at = { own: mine.end, log: at.log }
      const level = mine.line.level as Level
      add({
        object: 'training.job.event',
        created_at: timeOf(mine.line),
        level,
        type: 'message',
        message: String(mine.line.message),
        data: null,
      })
    } else {
      k++
      at = { own: at.own, log: its!.end }
      add(fromLog(its!.line))
    }
  }
  return { events, at }
}

/** All events, oldest first. */
export function allEvents(folder: string, log: string): JobEvent[] {
  const events: JobEvent[] = []
  for (let at = START; ; ) {
    const next = eventsAfter(folder, log, at)
    if (next.at.own === at.own && next.at.log === at.log) return events
    events.push(...next.events)
    at = next.at
  }
}

export interface Trained {
  readonly update: number
  readonly loss: number | undefined
  readonly validationLoss: number | undefined
  readonly wallSeconds: number | undefined
}

/** Bytes of the log's end that are looked at. */
const TAIL = 64 * 1024

/** Where a training run is, as the end of its log says. */
export function lastTraining(log: string): Trained | undefined {
  let size: number
  try {
    const handle = openSync(log, 'r')
    size = fstatSync(handle).size
    closeSync(handle)
  } catch {
    return undefined
  }
  const lines = linesAfter(log, Math.max(0, size - TAIL)).map(({ line }) => line)
  const train = lines.findLast((line) => line.event === 'train')
  const validation = lines.findLast((line) => line.event === 'validation')
  const newest = lines.findLast((line) => line.event === 'train' || line.event === 'validation')
  if (!newest) return undefined
  return {
    update: number(newest.update) ?? 0,
    loss: number(train?.smoothed) ?? number(train?.loss),
    validationLoss: number(validation?.loss),
    wallSeconds: number(newest.wallSeconds),
  }
}

/** Milliseconds between looks at the files, and between signs of life. */
const LOOK = 500
const BEAT = 15_000

/** Sends events as they come, until the job has ended or `signal` is aborted. */
export async function streamEvents(
  response: Response,
  from: Position,
  {
    read,
    view,
    signal,
  }: {
    read(at: Position): { events: JobEvent[]; at: Position }
    /** The job as clients see it, and whether it has ended. */
    view(): Promise<{ job: { status: string; progress: number }; ended: boolean }>
    signal: AbortSignal
  },
): Promise<void> {
  response
    .status(200)
    .set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' })
  response.write('retry: 2000\n\n')
  let at = from
  let told = ''
  let beat = Date.now()
  const send = (event: string, data: unknown, id?: string): void => {
    beat = Date.now()
    response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  while (!signal.aborted && !response.destroyed) {
    // Asked before the files are read, so that the last lines of a job that ends right now are sent.
    const { job, ended } = await view()
    const next = read(at)
    at = next.at
    for (const event of next.events) send('event', event, event.id)
    const state = `${job.status} ${job.progress.toFixed(3)}`
    if (state !== told || ended) send('job', job)
    told = state
    if (ended && next.events.length === 0) break
    if (ended) continue
    if (Date.now() - beat > BEAT) {
      beat = Date.now()
      response.write(': alive\n\n')
    }
    // A client that takes nothing gets nothing more until it does.
    if (response.writableNeedDrain) await drained(response, signal)
    await wait(LOOK, undefined, { signal }).catch(() => {})
  }
  response.end()
}

const drained = (response: Response, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    response.once('drain', resolve)
    response.once('close', resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
