/**
 * Real-time factor of one stream on one thread for every kernel this machine can run, in CPU time, rounds interleaved so
 * that all kernels meet the same weather. Weights are random: time does not depend on their values.
 *
 *   node scripts/build.mjs && node dist/bench/vocoder.js [hidden] [rounds]
 */
import { HOP, SAMPLE_RATE } from '../src/frames.ts'
import { availableKernels, detectCpu } from '../src/kernels/index.ts'
import { keptColumns, netConfigSchema, STEP_INPUTS } from '../src/vocoder/sparse-wavernn/config.ts'
import { randomFrameBlocks, randomWeights } from '../src/vocoder/sparse-wavernn/random-weights.ts'

const hidden = Number(process.argv[2] ?? 384)
const rounds = Number(process.argv[3] ?? 15)
const config = netConfigSchema.parse({ hidden })
const FRAMES = 100

const weights = randomWeights(config, 1)
const blocks = randomFrameBlocks(config, FRAMES, 2)
const out = new Float32Array(FRAMES * HOP)
const runs = availableKernels().map((kernel) => ({
  name: kernel.name,
  stream: kernel.createModel(weights).open(1),
  // Slow kernels make less sound a round.
  frames: kernel.name === 'reference' ? 10 : FRAMES,
  factors: [] as number[],
}))

for (let round = -1; round < rounds; round++) {
  for (const { stream, frames, factors } of runs) {
    const before = process.cpuUsage()
    stream.generate(blocks, 0, frames, out, 0)
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) factors.push((user + system) / 1e6 / ((frames * HOP) / SAMPLE_RATE))
  }
}

const { density, headHidden } = config
const strips = hidden / 16
const recurrent = [density.reset, density.update, density.candidate].reduce((n, d) => n + keptColumns(d, hidden), 0)
const inputs = 3 * keptColumns(density.input, STEP_INPUTS.count)
const blocksAStep = strips * (recurrent + inputs) + (4 * headHidden * keptColumns(density.head, hidden)) / 16
const macs = blocksAStep * 16 * (SAMPLE_RATE / 4)

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const cpu = detectCpu()
console.log(`${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}; H ${hidden}, ${rounds} rounds`)
console.log('| kernel | real-time factor | lowest | streams a core | GMAC/s in blocks | against baseline |')
console.log('| --- | --- | --- | --- | --- | --- |')
const baseline = runs.find((r) => r.name === 'native-baseline') ?? runs.at(-1)!
for (const { name, factors } of runs) {
  const factor = median(factors)
  const ratio = median(factors.map((f, i) => baseline.factors[i]! / f))
  const columns = [
    factor.toFixed(4),
    Math.min(...factors).toFixed(4),
    (1 / factor).toFixed(1),
    (macs / factor / 1e9).toFixed(1),
    `${ratio.toFixed(2)}x`,
  ]
  console.log(`| ${name} | ${columns.join(' | ')} |`)
}
