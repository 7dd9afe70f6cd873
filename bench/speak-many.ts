/**
 * The whole way from text to samples for many streams on one thread at the same time, in CPU time (all threads of the process).
 *
 *     node bench/dist/speak-many.js [VOICE] [VOCODER] [rounds]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { loadSynthesizer } from 'sparsewave/internal/synthesis/index'
import type { VocoderKind } from 'sparsewave/internal/vocoder/vocoder'
import { median, spokenSeconds } from './measure.ts'

const [voice = 'heart', vocoder = 'sparse-wavernn', rounds = '3'] = process.argv.slice(2)
const sentences = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n')
const synthesizer = await loadSynthesizer(voice, { vocoder: vocoder as VocoderKind })

const speak = (text: string, seed: number) => spokenSeconds(synthesizer, text, seed, vocoder as VocoderKind)

await speak(sentences[0]!, 1)
console.log('| streams | CPU s a second of audio | live streams a core |')
console.log('| --- | --- | --- |')
for (const n of [1, 2, 4, 8, 16, 32]) {
  const factors: number[] = []
  for (let round = 0; round < Number(rounds); round++) {
    const before = process.cpuUsage()
    const audio = await Promise.all(Array.from({ length: n }, (_, i) => speak(sentences[i % sentences.length]!, i)))
    const { user, system } = process.cpuUsage(before)
    factors.push((user + system) / 1e6 / audio.reduce((a, b) => a + b, 0))
  }
  const factor = median(factors)
  console.log(`| ${n} | ${factor.toFixed(4)} | ${(1 / factor).toFixed(1)} |`)
}
await synthesizer.close()
