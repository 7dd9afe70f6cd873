/**
 * The native training engine against a dense PyTorch loop of the same net (training_peer.py): forward, backward and Adam of one update,
 * 32 lanes x 150 steps, one thread each, in CPU time, the cases in turn so that all meet the same weather; then threads and
 * worker processes, in wall time.
 *
 *     python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
 *     TORCH_PYTHON=/tmp/torch/bin/python node bench/dist/training.js [rounds]
 *
 * Without TORCH_PYTHON only our own figures are printed. A lane-step is one step of one lane; 6000 make a second of audio.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { detectCpu } from 'sparsewave/internal/kernels/index'
import type { Isa } from 'sparsewave/internal/kernels/isas'
import { nativePeak } from 'sparsewave/internal/kernels/native'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import {
  BANDS,
  FRAME_FEATURES,
  type NetConfig,
  netConfigSchema,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { createNativeEngine } from 'sparsewave-training/internal/engines/native'
import { createParallelEngine } from 'sparsewave-training/internal/engines/parallel'
import {
  splitExamples,
  syntheticBatch,
  syntheticMasks,
  syntheticParameters,
} from 'sparsewave-training/internal/engines/synthetic'
import { adamUpdate } from 'sparsewave-training/internal/net/adam'
import { nativeIsas } from 'sparsewave-training/internal/net/addon'
import { type Engine, LANES } from 'sparsewave-training/internal/net/engine'
import { type ParameterLayout, parameterLayout } from 'sparsewave-training/internal/net/vocoder-layout'
import { macsPerLaneStep } from 'sparsewave-training/internal/tasks/sparse-wavernn/cost'
import { median, STEPS_A_SECOND } from './measure.ts'

const GROUPS = 2
const STEPS = 150
const LANE_STEPS = GROUPS * LANES * STEPS
const rounds = Number(process.argv[2] ?? 5)
const python = process.env.TORCH_PYTHON
const folder = mkdtempSync(join(tmpdir(), 'sparsewave-bench-'))
const batch = syntheticBatch(GROUPS, STEPS, 3, false)

const NETS = [
  netConfigSchema.parse({}),
  netConfigSchema.parse({ hidden: 512, density: { reset: 0.07, update: 0.07, candidate: 0.18 } }),
]
const denseOf = (net: NetConfig) =>
  netConfigSchema.parse({ ...net, density: { reset: 1, update: 1, candidate: 1, input: 1, head: 1 } })
const describe = ({ hidden, density: d }: NetConfig) =>
  `${hidden}, ${d.candidate === 1 ? 'dense' : [d.reset, d.update, d.candidate].join('/')}`

interface Case {
  readonly name: string
  readonly net: NetConfig
  /** Multiply-adds of a lane-step, forward and backward. */
  readonly macs: number
  readonly isa: string | undefined
  /** CPU seconds of one update, and its loss in nats a step. */
  readonly run: () => Promise<[number, number]>
  readonly costs: number[]
  loss: number
}

/** One update with Adam; the engine's threads count, since CPU time is that of the process. */
async function own(net: NetConfig, isa: string): Promise<Case> {
  process.env.SPARSEWAVE_TRAIN_ISA = isa
  const layout = parameterLayout(net)
  const engine = await createNativeEngine(layout, { threads: 1 })
  const update = createUpdate(engine, layout)
  const run = async (): Promise<[number, number]> => {
    const before = process.cpuUsage()
    const loss = await update()
    const { user, system } = process.cpuUsage(before)
    return [(user + system) / 1e6, loss]
  }
  return { name: engine.name, net, macs: macsPerLaneStep(layout), isa, run, costs: [], loss: Number.NaN }
}

/** Forward, backward and Adam from state 0; gives the loss before it. */
function createUpdate(engine: Engine, layout: ParameterLayout): () => Promise<number> {
  const masks = syntheticMasks(layout, 2)
  const parameters = syntheticParameters(layout, 1)
  const [gradient, first, second, average] = [0, 1, 2, 3].map(() => new Float32Array(layout.size))
  let step = 0
  return async () => {
    const state = new Float32Array(GROUPS * layout.config.hidden * LANES)
    const { losses, count } = await engine.run(parameters, [masks], batch, state, gradient!)
    const options = { rate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 1, average: 0.999, step: ++step }
    adamUpdate(parameters, gradient!, first!, second!, average!, options)
    return losses.reduce((a, b) => a + b, 0) / count
  }
}

const children: ChildProcess[] = []

/** The dense net with the same weights and batch as our own dense one. */
function peer(net: NetConfig): Case[] {
  const layout = parameterLayout(net)
  const parts: Float32Array[] = [syntheticParameters(layout, 1)]
  const described: Record<string, number> = {}
  let at = layout.size
  const arrays = { ...splitExamples(batch), frames: batch.frames, weights: batch.weights }
  for (const [name, data] of Object.entries(arrays)) {
    described[name] = at
    described[`${name}Size`] = data.length
    at += data.length
    parts.push(data)
  }
  const description = {
    hidden: net.hidden,
    headHidden: net.headHidden,
    conditioning: net.conditioning,
    inputs: STEP_INPUTS.count,
    features: FRAME_FEATURES,
    bands: BANDS,
    lanes: LANES,
    stepsPerFrame: STEPS_PER_FRAME,
    groups: GROUPS,
    segments: layout.segments,
    batch: described,
  }
  const [json, numbers] = ['json', 'f32'].map((ending) => join(folder, `net-${net.hidden}.${ending}`))
  writeFileSync(json!, JSON.stringify(description))
  writeFileSync(numbers!, Buffer.concat(parts.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength))))
  return [
    ['cell', "PyTorch, a GRU step's operations"],
    ['gru', 'PyTorch, torch.gru'],
  ].map(([recurrence, name]) => {
    const child = spawn(python!, [join(PACKAGE_ROOT, 'bench/training_peer.py'), json!, numbers!], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const run = async (): Promise<[number, number]> => {
      child.stdin.write(`${recurrence}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('PyTorch ended')
      return value.split(' ').map(Number) as [number, number]
    }
    return { name: name!, net, macs: macsPerLaneStep(layout), isa: undefined, run, costs: [], loss: Number.NaN }
  })
}

const cases: Case[] = []
for (const net of NETS) {
  for (const isa of nativeIsas().filter((i) => i !== 'baseline')) cases.push(await own(net, isa))
  cases.push(await own(denseOf(net), nativeIsas()[0]!))
  if (python) cases.push(...peer(denseOf(net)))
}

const peaks = new Map<string, number>()
for (let round = -1; round < rounds; round++) {
  // AMX multiplies in bf16, which has no measured peak here.
  for (const isa of nativeIsas().filter((i) => i !== 'amx')) {
    const peak = nativePeak(isa as Isa, 'f32')
    if (peak) peaks.set(isa, Math.max(peaks.get(isa) ?? 0, peak))
  }
  for (const c of cases) {
    const [cost, loss] = await c.run()
    // The first round warms up; its losses are those of the weights as given.
    if (round < 0) c.loss = loss
    else c.costs.push(cost)
  }
  console.error(`round ${round + 1} of ${rounds}`)
}
for (const child of children) child.stdin?.end()
rmSync(folder, { recursive: true })

const cpu = detectCpu()
const ghz = [...peaks].map(([isa, peak]) => `${isa} ${peak.toFixed(1)}`).join(', ')
console.log(
  `${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}; ${GROUPS * LANES} lanes x ${STEPS} steps, ${rounds} rounds`,
)
console.log(`peak of one core, GMAC/s: ${ghz}\n`)
console.log(
  '| hidden, density | what | loss before | k MAC a lane-step | lane-steps a CPU-s | audio s a CPU-s | GMAC/s | of the peak | against PyTorch |',
)
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
for (const { name, net, macs, isa, costs, loss } of cases) {
  // The lowest of the rounds, since what others do on a machine only adds; ratios are of one round each.
  const rate = LANE_STEPS / Math.min(...costs)
  const peers = cases.filter((c) => !c.isa && c.net.hidden === net.hidden)
  const ratio = median(costs.map((cost, i) => Math.min(...peers.map((p) => p.costs[i]!)) / cost))
  const row = [
    describe(net),
    name,
    loss.toFixed(4),
    (macs / 1000).toFixed(0),
    rate.toFixed(0),
    (rate / STEPS_A_SECOND).toFixed(2),
    ((rate * macs) / 1e9).toFixed(1),
    isa && peaks.has(isa) ? `${((100 * rate * macs) / 1e9 / peaks.get(isa)!).toFixed(0)} %` : '-',
    peers.length > 0 && isa ? `${ratio.toFixed(1)}x` : '-',
  ]
  console.log(`| ${row.join(' | ')} |`)
}

await scaling()

/** Wall time of one update by threads of this process, and by worker processes: the lowest of the rounds. */
async function scaling(): Promise<void> {
  delete process.env.SPARSEWAVE_TRAIN_ISA
  const layout = parameterLayout(NETS[0]!)
  const found: { name: string; engine: Engine; update: () => Promise<number>; times: number[]; started: number }[] = []
  for (const [kind, n] of [
    ['threads', 1],
    ['threads', 2],
    ['workers', 1],
    ['workers', 2],
  ] as const) {
    const before = performance.now()
    const engine =
      kind === 'threads'
        ? await createNativeEngine(layout, { threads: n })
        : await createParallelEngine('native', layout, { workers: n })
    const update = createUpdate(engine, layout)
    await update()
    found.push({ name: `${kind} ${n}`, engine, update, times: [], started: performance.now() - before })
  }
  for (let round = 0; round < 4 * rounds; round++)
    for (const { update, times } of found) {
      const before = performance.now()
      await update()
      times.push(performance.now() - before)
    }
  console.log(
    `\n| hidden ${describe(NETS[0]!)} | first update after, ms | ms an update, least | median | against threads 1 |`,
  )
  console.log('| --- | --- | --- | --- | --- |')
  for (const { name, engine, times, started } of found) {
    const least = Math.min(...times)
    const ratio = median(times.map((t, i) => found[0]!.times[i]! / t))
    console.log(
      `| ${name} | ${started.toFixed(0)} | ${least.toFixed(1)} | ${median(times).toFixed(1)} | ${ratio.toFixed(2)}x |`,
    )
    engine.close()
  }
}
