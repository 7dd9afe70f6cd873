/**
 * The whole vocoder on one thread, frames to samples with conditioning.onnx and frame parameters, as the server uses it:
 * real-time factor in CPU time and the time from the first push to the first samples.
 *
 *   node scripts/build.mjs && node bench/dist/vocoder-stream.js [hidden] [rounds]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFrames, ENVELOPE_POINTS, HOP, SAMPLE_RATE, sliceFrames } from 'sparsewave/internal/frames'
import { chooseKernel } from 'sparsewave/internal/kernels/index'
import { FRAME_FEATURES, netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { createSparseWavernn } from 'sparsewave/internal/vocoder/sparse-wavernn/index'
import { randomWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/random-weights'
import { encodeWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import { exportConditioning } from 'sparsewave-training/internal/export/conditioning'
import { parameterLayout } from 'sparsewave-training/internal/net/vocoder-layout'
import { initialParameters } from 'sparsewave-training/internal/tasks/sparse-wavernn/initialize'

const config = netConfigSchema.parse({ hidden: Number(process.argv[2] ?? 384) })
const rounds = Number(process.argv[3] ?? 9)
const FRAMES = 400
const PUSH = 16

const layout = parameterLayout(config)
const normalization = {
  mean: new Float32Array(FRAME_FEATURES).fill(-8),
  std: new Float32Array(FRAME_FEATURES).fill(3),
}
const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const path = join(folder, 'conditioning.onnx')
writeFileSync(path, exportConditioning(layout, initialParameters(layout, 1), normalization))
const { kernel } = chooseKernel()
const vocoder = await createSparseWavernn({
  weights: encodeWeights(randomWeights(config, 1)),
  conditioning: path,
  kernel,
})
rmSync(folder, { recursive: true })

const frames = createFrames(FRAMES)
for (let j = 0; j < FRAMES; j++) {
  frames.f0[j] = j % 50 < 35 ? 120 + (j % 50) : 0
  for (let i = 0; i < ENVELOPE_POINTS; i++) frames.envelope[j * ENVELOPE_POINTS + i] = -6 - i / 10 + Math.sin(j + i)
}
const out = new Float32Array(PUSH * HOP)
const factors: number[] = []
const firsts: number[] = []
for (let round = 0; round < rounds; round++) {
  const stream = vocoder.open({ seed: round })
  const started = performance.now()
  const before = process.cpuUsage()
  await stream.push(sliceFrames(frames, 0, 6))
  stream.read(out.subarray(0, 240))
  firsts.push(performance.now() - started)
  let made = 240
  for (let at = 6; at < FRAMES; at += PUSH) {
    await stream.push(sliceFrames(frames, at, Math.min(FRAMES, at + PUSH)))
    made += stream.read(out)
  }
  await stream.end()
  for (let count = -1; count !== 0; made += count) count = stream.read(out)
  const { user, system } = process.cpuUsage(before)
  factors.push((user + system) / 1e6 / (made / SAMPLE_RATE))
  stream.close()
}
vocoder.close()

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
console.log(`${kernel.name}, H ${config.hidden}: real-time factor ${median(factors).toFixed(4)} (median of ${rounds})`)
console.log(`first 10 ms of sound: ${firsts[0]!.toFixed(1)} ms cold, ${median(firsts).toFixed(1)} ms warm`)
