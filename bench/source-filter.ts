/**
 * What source-filter synthesis costs with every engine of this machine: CPU time a second of audio, frames in portions as the synthesizer hands them over.
 *
 *     node bench/dist/source-filter.js [VOICE] [rounds]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { type Frames, HOP, SAMPLE_RATE, sliceFrames } from 'sparsewave/internal/frames'
import { detectCpu } from 'sparsewave/internal/kernels/index'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { phonemize } from 'sparsewave/internal/text/index'
import { availableEngines } from 'sparsewave/internal/vocoder/source-filter/engines/index'
import { createSourceFilter } from 'sparsewave/internal/vocoder/source-filter/index'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { median } from './measure.ts'

const [name = 'heart', rounds = '9'] = process.argv.slice(2)
const PORTION = 32
const voice = await loadVoice(name)
const acoustic = await AcousticModel.load(voice.path('acoustic.onnx'), { symbols: voice.manifest.symbols })
const texts = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n').slice(0, 12)
const sentences: Frames[] = []
for (const text of texts) sentences.push((await acoustic.predict(phonemize(text).phonemes)).frames)
await acoustic.close()
const audio = (sentences.reduce((n, { count }) => n + count, 0) * HOP) / SAMPLE_RATE

const out = new Float32Array(PORTION * HOP)
const runs = availableEngines().map((engine) => {
  const vocoder = createSourceFilter(engine)
  const run = async () => {
    for (const [seed, frames] of sentences.entries()) {
      const stream = vocoder.open({ seed })
      for (let at = 0; at < frames.count; at += PORTION) {
        const end = Math.min(frames.count, at + PORTION)
        await stream.push(sliceFrames(frames, at, end))
        if (end === frames.count) await stream.end()
        while (stream.read(out) === out.length) {}
      }
      stream.close()
    }
  }
  return { engine, run, costs: [] as number[] }
})
for (let round = -1; round < Number(rounds); round++)
  for (const { run, costs } of runs) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) costs.push((user + system) / 1e3 / audio)
  }

const cpu = detectCpu()
console.log(`${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}; ${rounds} rounds`)
console.log('| engine | events at a time | CPU ms a second of audio | against typescript |')
console.log('| --- | --- | --- | --- |')
const slowest = runs.at(-1)!.costs
for (const { engine, costs } of runs) {
  const ratio = median(costs.map((c, i) => slowest[i]! / c))
  console.log(`| ${engine.name} | ${engine.lanes} | ${median(costs).toFixed(2)} | ${ratio.toFixed(1)}x |`)
}
