/**
 * Training engines against each other: whole updates of the Sparse WaveRNN, the optimiser's step in them, as the number of sequences side
 * by side grows, which shows where a device is full. Rounds are interleaved, so that all meet the same weather; beside the wall time
 * stands the processor's, of all threads, which a busy machine changes little.
 *
 *     node bench/dist/engines.js --engines native,webgpu --sequences 16,64,256,1024,4096
 *
 * prints a table; with `-o docs/measurements/gpu` it writes docs/measurements/gpu.svg and gpu.json too, with `--counts` what an update moves and starts on a
 * device. `torch` among the engines is the dense net of the same shape in PyTorch (bench/torch-gru.py), with cuDNN where there is CUDA:
 *
 *     python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
 *     TORCH_PYTHON=/tmp/torch/bin/python node bench/dist/engines.js --engines native,webgpu,torch
 *
 * `--help` lists the options.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Command, InvalidArgumentError } from 'commander'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { netConfigSchema, STEP_INPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { STEP_RATE } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { svgCharts } from 'sparsewave-training/internal/chart'
import { createEngine } from 'sparsewave-training/internal/engines/index'
import type { DeviceEngine } from 'sparsewave-training/internal/engines/webgpu/engine'
import type { Counters } from 'sparsewave-training/internal/engines/webgpu/session'
import { createMasks } from 'sparsewave-training/internal/masks/index'
import { LANES } from 'sparsewave-training/internal/net/engine'
import { maskedSegments, parameterLayout } from 'sparsewave-training/internal/net/vocoder-layout'
import { macsPerLaneStep } from 'sparsewave-training/internal/tasks/sparse-wavernn/cost'
import { sparseWavernnJobSchema } from 'sparsewave-training/internal/tasks/sparse-wavernn/job'
import { trialUpdates } from 'sparsewave-training/internal/tasks/sparse-wavernn/trial'
import { median } from './measure.ts'

const multiple = (of: number) => (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < of || value % of !== 0)
    throw new InvalidArgumentError(`It must be a multiple of ${of}.`)
  return value
}
const numbers = (text: string) => text.split(',').map(multiple(LANES))

const options = new Command('engines')
  .description('Updates a second and seconds of audio a second of training engines.')
  .option('--engines <names>', 'engines to compare', (text) => text.split(','), ['native', 'webgpu'])
  .option('--sequences <list>', `sequences side by side, multiples of ${LANES}`, numbers, [16, 64, 256, 1024, 4096])
  .option('--hidden <n>', 'units of the GRU', multiple(16), netConfigSchema.parse({}).hidden)
  .option('--steps <n>', 'steps of an update', multiple(30), 150)
  .option('--rounds <n>', 'timings of every point', multiple(1), 3)
  .option('--threads <n>', 'threads of the native engine', multiple(1), availableParallelism())
  .option('--counts', 'also what an update moves and starts on a device', false)
  .option('--seconds <n>', 'an engine whose update took longer is not asked for more sequences', Number, 20)
  .option('-o, --output <path>', 'write <path>.svg and <path>.json')
  .parse()
  .opts<{
    engines: string[]
    sequences: number[]
    hidden: number
    steps: number
    rounds: number
    threads: number
    seconds: number
    counts: boolean
    output?: string
  }>()

const { steps, rounds, threads } = options
const net = netConfigSchema.parse({ hidden: options.hidden })
const layout = parameterLayout(net)
const macs = macsPerLaneStep(layout)

interface Point {
  readonly engine: string
  readonly sequences: number
  /** Of an update, median. */
  readonly seconds: number
  /** The processor's time of an update, all threads, median. */
  readonly cpuSeconds: number
  readonly updatesPerSecond: number
  readonly audioPerSecond: number
  readonly gmacs: number
}

interface Time {
  readonly wall: number
  readonly cpu: number
}

/** What is timed. */
interface Contestant {
  readonly name: string
  /** One update, seconds. */
  update(sequences: number): Promise<Time>
  readonly counters?: Counters | undefined
  close(): void
}

async function engineOf(name: string): Promise<Contestant> {
  const engine = await createEngine(name, layout, { threads, warn: (message) => console.error(message) })
  let made: { sequences: number; update: (i: number) => Promise<void>; updates: number } | undefined
  return {
    name: engine.name,
    async update(sequences) {
      if (made?.sequences !== sequences) {
        const training = { lanes: sequences, steps }
        const job = sparseWavernnJobSchema.parse({ task: 'sparse-wavernn', corpus: '.', run: '.', net, training })
        const masks = createMasks('random', { matrices: maskedSegments(layout), seed: 2 })
        made = { sequences, update: trialUpdates(job, engine, masks), updates: 0 }
      }
      const before = performance.now()
      const used = process.cpuUsage()
      await made.update(made.updates++)
      const { user, system } = process.cpuUsage(used)
      return { wall: (performance.now() - before) / 1000, cpu: (user + system) / 1e6 }
    },
    get counters() {
      return (engine as Partial<DeviceEngine<never>>).counters
    },
    close: () => engine.close(),
  }
}

/** The process of bench/torch-gru.py. */
async function torch(): Promise<Contestant> {
  const python = process.env.TORCH_PYTHON
  if (!python) throw new Error('TORCH_PYTHON must name a Python that has PyTorch')
  const args = ['bench/torch-gru.py', options.hidden, STEP_INPUTS.count, threads].map(String)
  const child = spawn(python, [join(PACKAGE_ROOT, args[0]!), ...args.slice(1)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch ended')
    return value
  }
  return {
    name: await answer(),
    async update(sequences) {
      child.stdin.write(`${sequences} ${steps}\n`)
      const line = await answer()
      if (line.startsWith('error')) console.error(`torch: ${line}`)
      const [wall, cpu] = line.startsWith('error') ? [Infinity, Infinity] : line.split(' ').map(Number)
      return { wall: wall!, cpu: cpu! }
    },
    close: () => child.kill(),
  }
}

const engines: Contestant[] = []
for (const name of options.engines) engines.push(name === 'torch' ? await torch() : await engineOf(name))
const full = new Set<Contestant>()
const points: Point[] = []
const machine = `${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}`
console.log(machine)
console.log(
  `hidden ${options.hidden}, ${steps} steps, ${Math.round(macs / 1000)} k MAC a lane-step; engines: ${engines.map((e) => e.name).join(', ')}`,
)
console.log('engine      sequences   s an update   CPU s an update   updates/s   audio s/s   GMAC/s')
for (const sequences of options.sequences) {
  const asked = engines.filter((engine) => !full.has(engine))
  const times = new Map<Contestant, Time[]>(asked.map((engine) => [engine, []]))
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round++)
    for (const engine of asked) {
      const before = structuredClone(engine.counters)
      const time = await engine.update(sequences)
      if (options.counts && round === rounds) printCounts(engine, sequences, before)
      if (round > 0) times.get(engine)!.push(time)
      if (time.wall > options.seconds) full.add(engine)
    }
  for (const engine of asked) {
    const seconds = median(times.get(engine)!.map((t) => t.wall))
    const cpuSeconds = median(times.get(engine)!.map((t) => t.cpu))
    const laneSteps = (sequences * steps) / seconds
    const name = options.engines[engines.indexOf(engine)]!
    const point: Point = {
      engine: name,
      sequences,
      seconds,
      cpuSeconds,
      updatesPerSecond: 1 / seconds,
      audioPerSecond: laneSteps / STEP_RATE,
      gmacs: (laneSteps * macs) / 1e9,
    }
    points.push(point)
    const { updatesPerSecond, audioPerSecond, gmacs } = point
    const row = [seconds, cpuSeconds, updatesPerSecond, audioPerSecond, gmacs].map((v) => v.toPrecision(3))
    console.log(
      `${name.padEnd(11)} ${String(sequences).padStart(9)} ${row.map((v, i) => v.padStart([13, 17, 11, 11, 8][i]!)).join(' ')}`,
    )
  }
}
for (const engine of engines) engine.close()

/** What the last update moved and started. */
function printCounts({ name, counters }: Contestant, sequences: number, before: Counters | undefined): void {
  if (!counters || !before) return
  const mb = (bytes: number) => `${(bytes / 1e6).toPrecision(3)} MB`
  const kernels = Object.entries(counters.kernels).map(([kernel, { dispatches, workgroups }]) => ({
    kernel,
    dispatches: dispatches - (before.kernels[kernel]?.dispatches ?? 0),
    workgroups: workgroups - (before.kernels[kernel]?.workgroups ?? 0),
  }))
  const sum = (of: 'dispatches' | 'workgroups') => kernels.reduce((all, k) => all + k[of], 0)
  console.log(
    `${name}, ${sequences} sequences: ${mb(counters.sent - before.sent)} sent, ${counters.fetched - before.fetched} bytes fetched, ` +
      `${mb(counters.memory)} held; ${sum('dispatches')} dispatches, ${sum('workgroups')} workgroups: ` +
      kernels
        .filter((k) => k.dispatches > 0)
        .map((k) => `${k.kernel} ${k.dispatches} x ${Math.round(k.workgroups / k.dispatches)}`)
        .join(', '),
  )
}

if (options.output !== undefined) {
  const series = options.engines.map((name) => ({
    name,
    points: points.filter((p) => p.engine === name).map((p) => [p.sequences, p.audioPerSecond] as const),
  }))
  const chart = {
    title: 'Training: audio by sequences in flight',
    xLabel: 'sequences',
    yLabel: 's of audio / s',
    series,
  }
  writeFileSync(`${options.output}.svg`, svgCharts('Training engines', [chart]))
  const about = { machine, engines: engines.map((e) => e.name), hidden: options.hidden, steps, threads, rounds }
  writeFileSync(`${options.output}.json`, `${JSON.stringify({ ...about, points }, null, 1)}\n`)
}
