/**
 * What a voice's acoustic model costs in onnxruntime and on every implementation of the layers: CPU time (all threads) a second of audio.
 *
 *     node bench/dist/acoustic-cost.js [VOICE] [rounds]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { detectCpu } from 'sparsewave/internal/kernels/index'
import { availableLayers } from 'sparsewave/internal/layers/index'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { phonemize } from 'sparsewave/internal/text/index'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { median } from './measure.ts'

const [name = 'heart', rounds = '7'] = process.argv.slice(2)
const { path, manifest } = await loadVoice(name)
const texts = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n')
const sentences = texts.map((text) => phonemize(text).phonemes)
const runs: { name: string; model: AcousticModel; costs: number[] }[] = []
for (const layers of [...availableLayers(), null]) {
  const model = await AcousticModel.load(path('acoustic.onnx'), manifest, { layers })
  runs.push({ name: layers?.name ?? 'onnxruntime', model, costs: [] })
}
for (let round = -1; round < Number(rounds); round++)
  for (const { model, costs } of runs) {
    const before = process.cpuUsage()
    let frames = 0
    for (const phonemes of sentences) frames += (await model.predict(phonemes)).frames.count
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) costs.push((user + system) / 1e3 / ((frames * HOP) / SAMPLE_RATE))
  }

const cpu = detectCpu()
console.log(`${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}; voice ${name}, ${rounds} rounds`)
console.log('| acoustic model | CPU ms a second of audio | against onnxruntime |')
console.log('| --- | --- | --- |')
const onnx = runs.at(-1)!.costs
for (const { name, costs } of runs)
  console.log(`| ${name} | ${median(costs).toFixed(2)} | ${median(costs.map((c, i) => onnx[i]! / c)).toFixed(2)}x |`)
