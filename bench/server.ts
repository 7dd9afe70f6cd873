/**
 * The server under load: clients come at random (open loop, Poisson arrivals), each plays its answer in real time and counts
 * the gaps. Over HTTP and WebSocket, for 1 to N listeners at the same time on average; with `--soak` one load for many minutes.
 *
 *     npm run bench:server -- [--streams 1,10,25,50,100] [--seconds 12] [--warm 4] [--via http|ws] [--vocoder KIND] [--svg FILE] [--limit 0.85]
 *     npm run bench:server -- --soak MINUTES [--streams 20]
 *
 * Nobody is kept out unless `--limit` (SPARSEWAVE_LOAD_LIMIT) says so. Prints a table: listeners, starts, times to first audio, gaps, CPU and memory of the server process; the chart shows the knee.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from 'sparsewave/internal/random'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { svgCharts } from 'sparsewave-training/internal/chart'
import { CLIENTS, type Listening, type Via } from './listener.ts'
import { median } from './measure.ts'
import { startServerProcess, usage } from './server-process.ts'

const { values: flags } = parseArgs({
  options: {
    streams: { type: 'string' },
    seconds: { type: 'string', default: '12' },
    warm: { type: 'string', default: '4' },
    via: { type: 'string', default: 'http,ws' },
    vocoder: { type: 'string', default: '' },
    soak: { type: 'string' },
    svg: { type: 'string' },
    limit: { type: 'string', default: '1000' },
  },
})
const numbers = (text: string) => text.split(',').map(Number)
const sentences = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n')

/** Audio of a request, seconds, on average: with it an arrival rate gives the mean number of listeners (Little's law). */
let audioSeconds = 0

interface Level {
  readonly via: Via
  /** Listeners at the same time: wanted, and had on average. */
  readonly streams: number
  readonly had: number
  readonly starts: number
  readonly refused: number
  /** Time to first audio, ms. */
  readonly first: { readonly p50: number; readonly p95: number; readonly p99: number }
  /** Share of the listeners who heard a gap, and the longest gaps of one, ms. */
  readonly gaps: number
  readonly longest: number
  /** Cores in use by the server; MiB resident at the end. */
  readonly cores: number
  readonly memory: number
}

const quantile = (sorted: readonly number[], p: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

interface Load {
  readonly via: Via
  readonly streams: number
  readonly seconds: number
  /** Seconds at the start whose arrivals are not counted: until then there are too few listeners. */
  readonly warm: number
  readonly seed: number
}

/** Lets clients come for `warm + seconds`; listeners of the warm-up count as load only. */
async function run(port: number, pid: number, load: Load): Promise<Level> {
  const { via, streams, seconds, warm, seed } = load
  const random = new Random(seed)
  const rate = streams / audioSeconds
  const began = performance.now()
  const until = began + (warm + seconds) * 1000
  const heard: Listening[] = []
  const running = new Set<Promise<void>>()
  let starts = 0
  let refused = 0
  let before: ReturnType<typeof usage> | undefined
  let measuredFrom = 0
  let listeners = 0
  let next = began
  for (;;) {
    next += (-Math.log(1 - random.uniform()) / rate) * 1000
    if (next > until) break
    const wait = next - performance.now()
    if (wait > 0) await sleep(wait)
    const counted = next >= began + warm * 1000
    if (counted && !before) {
      before = usage(pid)
      measuredFrom = performance.now()
    }
    if (counted) starts++
    const listening = CLIENTS[via](
      port,
      sentences[Math.floor(random.uniform() * sentences.length)]!,
      flags.vocoder,
    ).then((result) => {
      if (!counted) return
      if (result === 'refused') refused++
      else {
        heard.push(result)
        listeners += result.seconds
      }
    })
    running.add(listening)
    void listening.finally(() => running.delete(listening))
  }
  const rest = until - performance.now()
  if (rest > 0) await sleep(rest)
  const after = usage(pid)
  const wall = (performance.now() - measuredFrom) / 1000
  await Promise.all(running)
  const first = heard.map((h) => h.first).sort((a, b) => a - b)
  return {
    via,
    streams,
    had: listeners / seconds,
    starts,
    refused,
    first: { p50: quantile(first, 0.5), p95: quantile(first, 0.95), p99: quantile(first, 0.99) },
    gaps: heard.filter((h) => h.gaps > 0).length / Math.max(1, heard.length),
    longest: Math.max(0, ...heard.map((h) => h.gap)),
    cores: (after.cpu - (before?.cpu ?? after.cpu)) / wall,
    memory: after.memory,
  }
}

const HEAD = [
  '| via | listeners wanted | had | starts counted | refused | first audio p50, ms | p95 | p99 | with gaps | longest gap, ms | cores | MiB |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
].join('\n')
const row = (l: Level): string =>
  `| ${l.via} | ${l.streams} | ${l.had.toFixed(1)} | ${l.starts} | ${l.refused} | ${l.first.p50.toFixed(0)} | ${l.first.p95.toFixed(0)} | ${l.first.p99.toFixed(0)} | ${(100 * l.gaps).toFixed(1)} % | ${l.longest.toFixed(0)} | ${l.cores.toFixed(2)} | ${l.memory.toFixed(0)} |`

const server = await startServerProcess({ SPARSEWAVE_LOAD_LIMIT: flags.limit, SPARSEWAVE_WS_CONNECTIONS: '4096' })
const { pid, port } = server
try {
  const lone: Listening[] = []
  for (let i = 0; i < 24; i++) {
    const result = await CLIENTS.http(port, sentences[i % sentences.length]!, flags.vocoder, false)
    if (result !== 'refused') lone.push(result)
  }
  audioSeconds = lone.reduce((sum, l) => sum + l.seconds, 0) / lone.length
  const cpu = cpus()
  console.log(
    `${cpu[0]!.model}, ${cpu.length} processors, Node ${process.versions.node}; client on the same machine; texts of ${audioSeconds.toFixed(2)} s on average${flags.vocoder ? `; ${flags.vocoder}` : ''}`,
  )
  console.log(
    `One after another, over HTTP: first audio after ${median(lone.map((l) => l.first)).toFixed(0)} ms (median)\n`,
  )
  if (flags.soak) await soak(Number(flags.soak), numbers(flags.streams ?? '20')[0]!)
  else await knee()
} finally {
  await server.stop()
}

async function knee(): Promise<void> {
  const seconds = Number(flags.seconds)
  const warm = Number(flags.warm)
  console.log(HEAD)
  const levels: Level[] = []
  for (const via of flags.via.split(',') as Via[])
    for (const streams of numbers(flags.streams ?? '1,10,25,50,100')) {
      const level = await run(port, pid, { via, streams, seconds, warm, seed: streams })
      levels.push(level)
      console.log(row(level))
    }
  if (!flags.svg) return
  const series = (pick: (l: Level) => number, names: string) =>
    [...new Set(levels.map((l) => l.via))].map((via) => ({
      name: `${names}, ${via}`,
      points: levels.filter((l) => l.via === via).map((l) => [l.streams, pick(l)] as const),
    }))
  const charts = [
    {
      title: 'Time to first audio',
      xLabel: 'listeners at the same time',
      yLabel: 'ms',
      series: [...series((l) => l.first.p50, 'p50'), ...series((l) => l.first.p99, 'p99')],
    },
    {
      title: 'Listeners who heard a gap',
      xLabel: 'listeners at the same time',
      yLabel: '%',
      series: series((l) => 100 * l.gaps, 'with gaps'),
    },
    {
      title: 'CPU of the server',
      xLabel: 'listeners at the same time',
      yLabel: 'cores',
      series: series((l) => l.cores, 'cores'),
    },
  ]
  writeFileSync(flags.svg, svgCharts('The server under load: first audio, gaps and CPU by listeners', charts))
}

/** One load for long, a row a minute: memory must stay where it is. */
async function soak(minutes: number, streams: number): Promise<void> {
  console.log(`${minutes} minutes of ${streams} listeners, HTTP and WebSocket in turn\n${HEAD}`)
  const memory: number[] = []
  for (let minute = 0; minute < minutes; minute++) {
    const via = minute % 2 === 0 ? 'http' : 'ws'
    const level = await run(port, pid, { via, streams, seconds: 55, warm: 5, seed: minute + 1 })
    memory.push(level.memory)
    console.log(row(level))
  }
  const half = memory.length >> 1
  const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length
  console.log(
    `\nResident on average: first half ${mean(memory.slice(0, half)).toFixed(0)} MiB, second half ${mean(memory.slice(half)).toFixed(0)} MiB`,
  )
}
