/**
 * Speaks bench/sentences.txt, which no net was trained on, or texts of a corpus's held-out sets, and writes what a judge needs.
 *
 *     node bench/dist/speak-sentences.js VOICE VOCODER OUT [--seed N] [--speed X] [--corpus FOLDER --split test|validation --every N]
 *
 * writes OUT/NN.wav and OUT/list.tsv (WAV, tab, text) and prints time to first audio and the real-time factor. Of a corpus every Nth
 * (4th) text of 41 to 109 characters is spoken.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { loadSynthesizer } from 'sparsewave/internal/synthesis/index'
import { VOCODERS, type VocoderKind } from 'sparsewave/internal/vocoder/vocoder'
import { readCorpus, split } from 'sparsewave-training/internal/data/corpus'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    corpus: { type: 'string' },
    split: { type: 'string', default: 'test' },
    every: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    speed: { type: 'string', default: '1' },
  },
})
const [voice, kind, out] = positionals
if (!voice || !VOCODERS.includes(kind as VocoderKind) || !out) {
  console.error(`usage: speak-sentences VOICE ${VOCODERS.join('|')} OUT [--seed N] [--speed X] [--corpus FOLDER ...]`)
  process.exit(2)
}
const vocoder = kind as VocoderKind
const sentences = flags.corpus
  ? readCorpus(flags.corpus)
      .filter(({ id, text }) => split(id) === flags.split && text.length > 40 && text.length < 110)
      .filter((_, i) => i % Number(flags.every) === 0)
      .map(({ text }) => text)
  : readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n')
const synthesizer = await loadSynthesizer(voice, { vocoder })
mkdirSync(out, { recursive: true })
const lines: string[] = []
const first: number[] = []
let seconds = 0
let spent = 0
for (const [i, text] of sentences.entries()) {
  const started = performance.now()
  const parts: Float32Array[] = []
  for await (const { samples } of synthesizer.stream(text, {
    seed: Number(flags.seed),
    speed: Number(flags.speed),
    vocoder,
  })) {
    if (parts.length === 0) first.push(performance.now() - started)
    parts.push(samples.slice())
  }
  spent += (performance.now() - started) / 1000
  const all = new Float32Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    all.set(p, at)
    at += p.length
  }
  seconds += all.length / SAMPLE_RATE
  const file = resolve(out, `${String(i + 1).padStart(2, '0')}.wav`)
  writeFileSync(file, encodeWav(all))
  lines.push(`${file}\t${text}`)
}
writeFileSync(join(out, 'list.tsv'), `${lines.join('\n')}\n`)
first.sort((a, b) => a - b)
console.log(
  `${sentences.length} sentences, ${seconds.toFixed(1)} s of audio, real-time factor ${(spent / seconds).toFixed(3)}`,
)
console.log(
  `time to first audio: median ${first[Math.floor(first.length / 2)]!.toFixed(0)} ms, worst ${first.at(-1)!.toFixed(0)} ms`,
)
await synthesizer.close()
