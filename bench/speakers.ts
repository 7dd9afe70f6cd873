/**
 * Whether each voice of a package is itself: speaks bench/sentences.txt in every voice and compares F0 and the mean envelope with those of
 * the recordings that it learned from, and of the other voices' recordings. Writes what a judge needs.
 *
 *     node bench/dist/speakers.js OUT CORPUS... [--voices a,b] [--sentences 16] [--held-out] [--vocoder sparse-wavernn] [--cache runs/cache]
 *
 * writes OUT/VOICE/NN.wav and OUT/VOICE.tsv (WAV, tab, text). With `--held-out` a voice speaks the texts of its speaker's recordings that
 * training never saw, and OUT/VOICE.teacher.tsv lists those recordings. A line without a speaker is of the package's first.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { analyze } from 'sparsewave/internal/analysis/index'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { ENVELOPE_POINTS, type Frames } from 'sparsewave/internal/frames'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { loadSynthesizer } from 'sparsewave/internal/synthesis/index'
import { VOCODERS, type VocoderKind } from 'sparsewave/internal/vocoder/vocoder'
import { readVoice } from 'sparsewave/internal/voices/index'
import { cacheUtterance, readCached } from 'sparsewave-training/internal/data/cache'
import { readCorpus, split } from 'sparsewave-training/internal/data/corpus'

/** Recordings of each speaker that are compared with. */
const RECORDINGS = 24

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    package: { type: 'string', default: 'english' },
    voices: { type: 'string' },
    sentences: { type: 'string', default: '16' },
    'held-out': { type: 'boolean', default: false },
    vocoder: { type: 'string', default: 'sparse-wavernn' },
    cache: { type: 'string', default: 'runs/cache' },
  },
})
const [out, ...corpora] = positionals
if (!out || corpora.length === 0 || !VOCODERS.includes(flags.vocoder as VocoderKind)) {
  console.error('usage: speakers OUT CORPUS... [--package english] [--voices a,b] [--sentences 16] [--vocoder KIND]')
  process.exit(2)
}
const vocoder = flags.vocoder as VocoderKind
const only = flags.voices?.split(',')
const { voices, speakers } = readVoice(flags.package).manifest
const sentences = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8')
  .trim()
  .split('\n')
  .slice(0, Number(flags.sentences))

/** What a voice says: texts, and where there are any the recordings of them. */
function linesOf(speaker: string): { readonly text: string; readonly audio?: string }[] {
  if (!flags['held-out']) return sentences.map((text) => ({ text }))
  const held = utterances.filter((u) => split(u.id) !== 'train' && (u.speaker ?? speakers[0]) === speaker)
  return held.slice(0, Number(flags.sentences))
}

interface Sound {
  /** Hz. */
  readonly f0: number
  /** [64] nepers of power, the level taken out. */
  readonly envelope: Float64Array
}

/** The median F0 and the mean envelope of voiced frames. */
function soundOf(all: readonly Frames[]): Sound {
  const pitches: number[] = []
  const sum = new Float64Array(ENVELOPE_POINTS)
  for (const { f0, envelope } of all)
    f0.forEach((hertz, f) => {
      if (!(hertz > 0)) return
      pitches.push(hertz)
      for (let k = 0; k < ENVELOPE_POINTS; k++) sum[k]! += envelope[f * ENVELOPE_POINTS + k]!
    })
  const mean = sum.map((v) => v / pitches.length)
  const level = mean.reduce((a, v) => a + v, 0) / ENVELOPE_POINTS
  return { f0: pitches.sort((a, b) => a - b)[pitches.length >> 1]!, envelope: mean.map((v) => v - level) }
}

const DB = 10 / Math.LN10
const distance = (a: Sound, b: Sound): number =>
  DB * Math.sqrt(a.envelope.reduce((sum, v, k) => sum + (v - b.envelope[k]!) ** 2, 0) / ENVELOPE_POINTS)

const utterances = corpora.flatMap((corpus) => readCorpus(corpus))
const teachers = new Map<string, Sound>()
for (const speaker of speakers) {
  const own = utterances.filter((u) => (u.speaker ?? speakers[0]) === speaker).slice(0, RECORDINGS)
  for (const utterance of own) await cacheUtterance(utterance, flags.cache)
  teachers.set(speaker, soundOf(own.map((u) => readCached(flags.cache, u.id).frames)))
}

console.log('| voice | F0, Hz | teacher | envelope from the teacher, dB | nearest other | from it, dB |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const { name, speaker } of voices) {
  if (only && !only.includes(name)) continue
  const synthesizer = await loadSynthesizer(name, { vocoder })
  mkdirSync(join(out, name), { recursive: true })
  const lines: string[] = []
  const frames: Frames[] = []
  const said = linesOf(speaker)
  for (const [i, { text }] of said.entries()) {
    const parts: number[] = []
    for await (const { samples } of synthesizer.stream(text, { seed: 1, vocoder }))
      for (const v of samples) parts.push(v)
    const samples = Float32Array.from(parts)
    const file = resolve(out, name, `${String(i).padStart(2, '0')}.wav`)
    writeFileSync(file, encodeWav(samples))
    lines.push(`${file}\t${text}`)
    frames.push(analyze(samples))
  }
  writeFileSync(join(out, `${name}.tsv`), `${lines.join('\n')}\n`)
  const taught = said.flatMap(({ text, audio }) => (audio === undefined ? [] : [`${audio}\t${text}\n`]))
  if (taught.length > 0) writeFileSync(join(out, `${name}.teacher.tsv`), taught.join(''))
  await synthesizer.close()
  const own = soundOf(frames)
  const teacher = teachers.get(speaker)!
  const [other, far] = [...teachers]
    .filter(([who]) => who !== speaker)
    .map(([who, sound]) => [who, distance(own, sound)] as const)
    .sort((a, b) => a[1] - b[1])[0]!
  console.log(
    `| ${name} | ${own.f0.toFixed(0)} | ${teacher.f0.toFixed(0)} | ${distance(own, teacher).toFixed(2)} | ${other} | ${far.toFixed(2)} |`,
  )
}
