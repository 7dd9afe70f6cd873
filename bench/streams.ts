/**
 * Many streams on one thread: each one by one, and side by side, in turn.
 *
 *     node bench/dist/streams.js [H] [rounds]
 *
 * in the precision that SPARSEWAVE_PRECISION names, else the default one; prints CPU time per second of audio and stream, how many live streams a core holds, and GMAC/s in the blocks.
 */
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import {
  availableKernels,
  choosePrecision,
  detectCpu,
  PANEL,
  type VocoderKernel,
} from 'sparsewave/internal/kernels/index'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { randomFrameBlocks, randomWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/random-weights'
import { blockMacs, median } from './measure.ts'

const hidden = Number(process.argv[2] ?? 384)
const rounds = Number(process.argv[3] ?? 7)
const config = netConfigSchema.parse({ hidden })
const FRAMES = 64
const blocks = blockMacs(config)

/** CPU seconds of one run of `n` streams over FRAMES frames. */
function run(kernel: VocoderKernel, n: number, together: boolean): () => number {
  const model = kernel.createModel(randomWeights(config, 1), { precision: choosePrecision(kernel).precision })
  const frames = randomFrameBlocks(config, FRAMES, 2)
  const out = Array.from({ length: n }, () => new Float32Array(FRAMES * HOP))
  return () => {
    const streams = out.map((_, i) => model.open(i))
    const started = process.cpuUsage()
    for (let from = 0; from < FRAMES; from += 4)
      for (let first = 0; first < n; first += PANEL.streams) {
        const jobs = streams
          .slice(first, first + PANEL.streams)
          .map((stream, i) => ({ stream, frames, from, out: out[first + i]!, at: from * HOP }))
        if (together) model.generateMany(jobs, 4)
        else for (const j of jobs) j.stream.generate(j.frames, j.from, 4, j.out, j.at)
      }
    const { user, system } = process.cpuUsage(started)
    for (const stream of streams) stream.close()
    return (user + system) / 1e6
  }
}

const cpu = detectCpu()
console.log(`${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}; H ${hidden}, ${rounds} rounds`)
console.log('| kernel | streams | alone | side by side | ratio | live streams a core | GMAC/s in blocks |')
console.log('| --- | --- | --- | --- | --- | --- | --- |')
for (const kernel of availableKernels().filter(({ backend }) => backend === 'native')) {
  for (const n of [1, 2, 3, 4, 6, 8, 12, 16, 32]) {
    const alone = run(kernel, n, false)
    const together = run(kernel, n, true)
    const times: [number[], number[]] = [[], []]
    for (let i = -1; i < rounds; i++)
      for (const [k, measure] of [alone, together].entries()) {
        const seconds = measure()
        if (i >= 0) times[k]!.push(seconds)
      }
    const audio = (n * FRAMES * HOP) / SAMPLE_RATE
    const [a, b] = times.map((t) => median(t) / audio) as [number, number]
    console.log(
      `| ${kernel.name} | ${n} | ${a.toFixed(4)} | ${b.toFixed(4)} | ${(a / b).toFixed(2)} | ${(1 / b).toFixed(1)} | ${(blocks / b / 1e9).toFixed(1)} |`,
    )
  }
}
