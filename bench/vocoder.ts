/**
 * The step-rate net by kernel, precision, size, density and number of streams, in CPU time, rounds interleaved so that all meet the same weather;
 * against the peak of the machine and against a dense GRU of the same size in onnxruntime. Weights are random: time does not depend
 * on their values.
 *
 *     npm run bench:vocoder [-- rounds]
 *
 * writes docs/measurements/vocoder-speed.md and docs/measurements/vocoder-speed.svg. Instructions a sample are counted where valgrind is installed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import {
  availableKernels,
  detectCpu,
  PRECISIONS,
  type Precision,
  type VocoderKernel,
} from 'sparsewave/internal/kernels/index'
import { ISAS } from 'sparsewave/internal/kernels/isas'
import { nativePeak } from 'sparsewave/internal/kernels/native'
import { loadOnnx } from 'sparsewave/internal/onnx/runtime'
import { Random } from 'sparsewave/internal/random'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { type NetConfig, netConfigSchema, STEP_INPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { randomFrameBlocks, randomWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/random-weights'
import { svgCharts } from 'sparsewave-training/internal/chart'
import { encodeOnnx, OnnxBuilder } from 'sparsewave-training/internal/export/onnx'
import { blockMacs, STEPS_A_SECOND } from './measure.ts'

const rounds = Number(process.argv[2] ?? 5)
const SIZES = [384, 512, 768, 1024]
const STREAMS = [1, 2, 4, 8, 16]
const FRAMES = 8

/** One thing that is timed: `run` does the work of `audio` seconds of sound. */
interface Case {
  readonly kernel: string
  readonly precision: Precision
  readonly hidden: number
  /** Densities, as a multiple of the default ones. */
  readonly density: number
  readonly streams: number
  /** Multiply-adds in blocks a second of one stream's audio. */
  readonly macs: number
  readonly audio: number
  readonly run: () => Promise<void> | void
  readonly costs: number[]
}

function configOf(hidden: number, factor: number): NetConfig {
  const { density } = netConfigSchema.parse({ hidden })
  const scaled = Object.fromEntries(Object.entries(density).map(([k, d]) => [k, Math.min(1, d * factor)]))
  return netConfigSchema.parse({ hidden, density: scaled })
}

function kernelCase(kernel: VocoderKernel, precision: Precision, hidden: number, density: number, n: number): Case {
  const config = configOf(hidden, density)
  const model = kernel.createModel(randomWeights(config, 1), { precision })
  const frames = randomFrameBlocks(config, FRAMES, 2)
  // Few streams run several times, so that every timing is of about the same length.
  const repeats = kernel.name === 'reference' ? 1 : Math.ceil(16 / n)
  const streams = Array.from({ length: n }, (_, i) => model.open(i))
  const jobs = streams.map((stream) => ({ stream, frames, from: 0, out: new Float32Array(FRAMES * HOP), at: 0 }))
  return {
    ...{ kernel: kernel.name, precision, hidden, density, streams: n, macs: blockMacs(config), costs: [] },
    audio: (repeats * n * FRAMES * HOP) / SAMPLE_RATE,
    run: () => {
      for (let i = 0; i < repeats; i++) model.generateMany(jobs, FRAMES)
    },
  }
}

/** A dense GRU alone, no heads, no sampling; all steps in one call, which free-running synthesis could not do. */
async function denseCase(hidden: number, batch: number, folder: string): Promise<Case> {
  const steps = 300
  const random = new Random(1)
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal() / Math.sqrt(hidden))
  const D = STEP_INPUTS.count
  const g = new OnnxBuilder('gru')
  const x = g.input('x', 'f32', [steps, batch, D])
  const w = g.f32(normals(3 * hidden * D), [1, 3 * hidden, D])
  const r = g.f32(normals(3 * hidden * hidden), [1, 3 * hidden, hidden])
  const attributes = { hidden_size: hidden, linear_before_reset: 1 }
  g.output(g.node('GRU', [x, w, r], attributes, 'y'), 'f32', [steps, 1, batch, hidden])
  const path = join(folder, `gru-${hidden}-${batch}.onnx`)
  writeFileSync(path, encodeOnnx(g.graph()))
  const model = await loadOnnx(path)
  const data = normals(steps * batch * D)
  return {
    ...{ kernel: 'dense GRU, onnxruntime', precision: 'f32', hidden, density: 1, streams: batch, costs: [] },
    macs: 3 * hidden * (hidden + D) * STEPS_A_SECOND,
    audio: (steps * batch) / STEPS_A_SECOND,
    run: async () => {
      await model.run({ x: { data, dims: [steps, batch, D] } })
    },
  }
}

const lowest = (costs: readonly number[]): number => Math.min(...costs)

const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const cases: Case[] = []
for (const kernel of availableKernels()) {
  const native = kernel.backend === 'native'
  for (const precision of kernel.precisions)
    for (const hidden of kernel.name === 'reference' ? [384] : SIZES)
      for (const n of native ? STREAMS : [1]) {
        cases.push(kernelCase(kernel, precision, hidden, 1, n))
        if (native && (n === 1 || n === 16))
          cases.push(kernelCase(kernel, precision, hidden, 2, n), kernelCase(kernel, precision, hidden, 0.5, n))
      }
}
for (const hidden of SIZES) for (const n of [1, 16]) cases.push(await denseCase(hidden, n, folder))
rmSync(folder, { recursive: true })

const peaks = new Map<string, number>()
const peakName = (kernel: string, precision: Precision) => `${kernel}, ${precision}`
for (let round = -1; round < rounds; round++) {
  for (const isa of ISAS)
    for (const precision of PRECISIONS) {
      const measured = nativePeak(isa, precision)
      const name = peakName(`native-${isa}`, precision)
      if (measured) peaks.set(name, Math.max(peaks.get(name) ?? 0, measured))
    }
  for (const { run, costs, audio } of cases) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) costs.push((user + system) / 1e6 / audio)
  }
  console.error(`round ${round + 1} of ${rounds}`)
}

const find = (kernel: string, precision: Precision, hidden: number, density: number, streams: number) =>
  cases.find(
    (c) =>
      c.kernel === kernel &&
      c.precision === precision &&
      c.hidden === hidden &&
      c.density === density &&
      c.streams === streams,
  )
/** GMAC/s of the blocks alone: what twice the blocks of `c` cost more, over half of them. Undefined where that was not run. */
function blockSpeed({ kernel, precision, hidden, streams }: Case): number | undefined {
  const many = find(kernel, precision, hidden, 2, streams)
  const few = find(kernel, precision, hidden, 0.5, streams)
  if (!many || !few) return undefined
  return (many.macs - few.macs) / (lowest(many.costs) - lowest(few.costs)) / 1e9
}
const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`
const share = (speed: number | undefined, { kernel, precision }: Case) => {
  const peak = peaks.get(peakName(kernel, precision))
  if (speed === undefined || peak === undefined) return '-'
  return `${speed.toFixed(1)} (${Math.round((100 * speed) / peak)} %)`
}

const cpu = detectCpu()
const lines = [
  '# Speed of the vocoder’s step-rate net',
  '',
  'How many live streams a core carries, by kernel, precision, size and density.',
  '',
  `Made by \`npm run bench:vocoder -- ${rounds}\` on ${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}.`,
  `One thread, CPU time, the lowest of ${rounds} rounds, since other work on the machine only adds to it.`,
  'Inputs, GRU, heads, sampling, filter bank and de-emphasis are in. Conditioning and the acoustic model are not.',
  'A live stream is one second of 24 kHz audio a second. Densities are multiples of the default ones ([the net](../reference/net.md)).',
  'GMAC/s counts the multiply-adds in blocks, first over the whole step’s time.',
  '“In blocks” is what 2x density costs more than 0.5x. It is set against the peak of the same registers, measured in the same run.',
  '',
  '![live streams a core by size and by number of streams](vocoder-speed.svg)',
  '',
  row('registers', 'measured peak, GMAC/s'),
  row('---', '---'),
  ...[...peaks].map(([name, peak]) => row(name, peak.toFixed(1))),
  '',
  row(
    'kernel',
    'precision',
    'H',
    'density',
    'streams',
    'CPU s a second of audio',
    'live streams a core',
    'GMAC/s of the step',
    'in blocks (of peak)',
  ),
  row(...Array.from({ length: 9 }, () => '---')),
  ...cases.map((c) => {
    const cost = lowest(c.costs)
    const numbers = [cost.toFixed(4), (1 / cost).toFixed(1), (c.macs / cost / 1e9).toFixed(1)]
    return row(
      c.kernel,
      c.precision,
      c.hidden,
      `${c.density}x`,
      c.streams,
      ...numbers,
      c.density === 1 ? share(blockSpeed(c), c) : '-',
    )
  }),
  '',
  'The dense GRU is the layer alone, with all steps in one call. Heads and sampling are not in it.',
  '',
]
const fastest = availableKernels()[0]!
const best = fastest.name
const ratios = SIZES.map((hidden) => {
  const of = (n: number) => {
    const ours = find(best, fastest.precisions[0]!, hidden, 1, n)
    const dense = find('dense GRU, onnxruntime', 'f32', hidden, 1, n)
    return ours && dense ? `${(lowest(dense.costs) / lowest(ours.costs)).toFixed(1)}x` : '-'
  }
  return row(hidden, of(1), of(16))
})
lines.push(
  row(
    'H',
    `${best}’s whole step in ${fastest.precisions[0]} against the dense GRU layer in f32, 1 stream`,
    '16 streams',
  ),
  row('---', '---', '---'),
  ...ratios,
)

const counted = spawnSync(process.execPath, [join(PACKAGE_ROOT, 'scripts/check-native.mjs'), 'instructions'], {
  encoding: 'utf8',
})
if (counted.status === 0 && counted.stdout.includes('|'))
  lines.push(
    '',
    'Instructions, counted by callgrind (`node scripts/check-native.mjs instructions`), H 384, default densities:',
    '',
    counted.stdout.trim(),
  )

const live = (kernel: string, precision: Precision, hidden: number, streams: number): [number, number][] => {
  const c = find(kernel, precision, hidden, 1, streams)
  return c ? [[hidden, 1 / lowest(c.costs)]] : []
}
const names = [...new Set(cases.map((c) => c.kernel))]
  .filter((k) => k !== 'reference')
  .flatMap((kernel) => PRECISIONS.map((precision) => ({ kernel, precision })))
writeFileSync(
  join(PACKAGE_ROOT, 'docs/measurements/vocoder-speed.svg'),
  svgCharts('Live streams a core by size and by number of streams', [
    {
      ...{ title: 'Live streams a core by size', xLabel: 'GRU units H', yLabel: 'live streams a core' },
      series: names
        .flatMap(({ kernel, precision }) =>
          [1, 16].map((n) => ({
            name: `${kernel}, ${precision}, ${n}`,
            points: SIZES.flatMap((hidden) => live(kernel, precision, hidden, n)),
          })),
        )
        .filter((s) => s.points.length > 0),
    },
    {
      ...{ title: 'by number of streams, H 384', xLabel: 'streams side by side', yLabel: 'live streams a core' },
      series: names
        .filter(({ kernel }) => kernel.startsWith('native'))
        .map(({ kernel, precision }) => ({
          name: `${kernel}, ${precision}`,
          points: STREAMS.flatMap((n) => live(kernel, precision, 384, n).map(([, y]) => [n, y] as const)),
        })),
    },
  ]),
)
writeFileSync(join(PACKAGE_ROOT, 'docs/measurements/vocoder-speed.md'), `${lines.join('\n')}\n`)
console.log(lines.join('\n'))
