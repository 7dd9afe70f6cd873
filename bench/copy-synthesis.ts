/**
 * Copy synthesis of recordings: analysis, a vocoder, the files a judge needs.
 *
 *     node bench/dist/copy-synthesis.js RECORDINGS OUT [--vocoder source-filter] [--voice heart] [ids...]
 *
 * RECORDINGS is a corpus (the utterances in its `reference` unless ids are given) or a folder of 24 kHz WAV files. Writes
 * OUT/ID.wav, OUT/ID.ref.wav and OUT/pairs.tsv (reference, tab, copy) and prints the speed of both halves.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { analyze } from 'sparsewave/internal/analysis/index'
import { encodeWav, readWav, requireRate } from 'sparsewave/internal/audio/wav'
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { openVocoder, VOCODERS, type VocoderKind } from 'sparsewave/internal/vocoder/index'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { readOpus } from 'sparsewave-training/internal/data/opus'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vocoder: { type: 'string', default: 'source-filter' },
    voice: { type: 'string', default: 'heart' },
  },
})
const [recordings, folder, ...chosen] = positionals
const kind = values.vocoder as VocoderKind
if (!recordings || !folder || !VOCODERS.includes(kind)) {
  console.error(`usage: copy-synthesis RECORDINGS OUT [--vocoder ${VOCODERS.join('|')}] [--voice NAME] [ids...]`)
  process.exit(2)
}

/** Reads one recording by id. */
const corpus = join(recordings, 'corpus.jsonl')
let all: string[]
let read: (id: string) => Promise<Float32Array>
if (existsSync(corpus)) {
  const lengths = new Map(
    readFileSync(corpus, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; samples: number })
      .map(({ id, samples }) => [id, samples]),
  )
  all = readdirSync(join(recordings, 'reference'))
    .filter((f) => f.endsWith('.f0.f32'))
    .map((f) => f.split('.')[0]!)
  read = (id) => readOpus(join(recordings, 'audio', `${id}.opus`), lengths.get(id))
} else {
  all = readdirSync(recordings)
    .filter((f) => f.endsWith('.wav'))
    .map((f) => f.slice(0, -'.wav'.length))
    .sort()
  read = async (id) => {
    const file = join(recordings, `${id}.wav`)
    return requireRate(readWav(file), file)
  }
}
mkdirSync(folder, { recursive: true })
const vocoder = await openVocoder(kind, await loadVoice(values.voice))
const pairs: string[] = []
let seconds = 0
let analysis = 0
let synthesis = 0
const ids = chosen.length > 0 ? chosen : all
for (const id of ids) {
  const samples = await read(id)
  let start = performance.now()
  const frames = analyze(samples)
  analysis += performance.now() - start
  start = performance.now()
  const stream = vocoder.open({ seed: 1 })
  await stream.push(frames)
  await stream.end()
  const copy = new Float32Array(frames.count * HOP)
  stream.read(copy)
  stream.close()
  synthesis += performance.now() - start
  seconds += samples.length / SAMPLE_RATE
  const file = (name: string): string => resolve(folder, name)
  writeFileSync(file(`${id}.ref.wav`), encodeWav(samples))
  writeFileSync(file(`${id}.wav`), encodeWav(copy.subarray(0, samples.length)))
  pairs.push(`${file(`${id}.ref.wav`)}\t${file(`${id}.wav`)}`)
}
vocoder.close()
writeFileSync(join(folder, 'pairs.tsv'), `${pairs.join('\n')}\n`)
const ratio = (ms: number): string => (ms / 1000 / seconds).toFixed(4)
console.log(
  `${ids.length} utterances, ${seconds.toFixed(1)} s; analysis ${ratio(analysis)} x real time, synthesis ${ratio(synthesis)}`,
)
