/**
 * Other voices for a vocoder to hear: Kokoro-82M (Apache-2.0) reads the training texts of a corpus that has phonemes, in the voices of a
 * folder and in halfway blends of two, at slightly different speeds.
 *
 *     node dist/training/corpora/kokoro.js MODEL.onnx VOCABULARY.json VOICES --texts ../shared/corpus -o runs/voices \
 *         [--minutes 60] [--without af_heart,af_nicole] [--seed 1] [--part 1/2]
 *
 * writes a corpus (WAV, no durations) that a job names under `more`. Who speaks what follows from the seed; the model's own noise does
 * not, so another run gives other samples. What is there already is kept; several parts may run side by side into one folder.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { encodeWav } from '../../src/audio/wav.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { loadOnnx } from '../../src/onnx/runtime.ts'
import { Random } from '../../src/random.ts'
import { readCorpus, split } from '../data/corpus.ts'

/** Length of a style vector; a voice has one for every number of tokens. */
const STYLE = 256

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    texts: { type: 'string' },
    out: { type: 'string', short: 'o' },
    minutes: { type: 'string', default: '60' },
    without: { type: 'string', default: 'af_heart,af_nicole' },
    seed: { type: 'string', default: '1' },
    part: { type: 'string', default: '1/1' },
  },
})
const [modelFile, vocabularyFile, voicesDir] = positionals
const [part, parts] = flags.part.split('/').map(Number)
if (!modelFile || !vocabularyFile || !voicesDir || !flags.texts || !flags.out || !part || !parts) {
  console.error('usage: kokoro MODEL.onnx VOCABULARY.json VOICES --texts CORPUS -o FOLDER [--minutes 60] [--part 1/2]')
  process.exit(2)
}

const { vocab } = JSON.parse(readFileSync(vocabularyFile, 'utf8')) as { vocab: Record<string, number> }
const without = new Set(flags.without.split(','))
const voices = readdirSync(voicesDir)
  .filter((file) => file.endsWith('.bin') && !without.has(path.basename(file, '.bin')))
  .sort()
  .map((file) => ({
    name: path.basename(file, '.bin'),
    styles: new Float32Array(new Uint8Array(readFileSync(path.join(voicesDir, file))).buffer),
  }))
const texts = readCorpus(flags.texts).filter(
  ({ id, phonemes }) => split(id) === 'train' && phonemes && phonemes.length > 30 && phonemes.length < 160,
)
const model = await loadOnnx(modelFile)
const audioDir = path.join(flags.out, 'audio')
mkdirSync(audioDir, { recursive: true })
const list = path.join(flags.out, `part-${part}.jsonl`)
const known = existsSync(list) ? readFileSync(list, 'utf8').trim().split('\n').filter(Boolean) : []
let seconds = known.reduce((sum, line) => sum + JSON.parse(line).samples / SAMPLE_RATE, 0)
const started = performance.now()
const wanted = (Number(flags.minutes) * 60) / parts
for (let i = known.length * parts + part - 1; seconds < wanted; i += parts) {
  const random = new Random(Number(flags.seed), i)
  const below = (n: number) => Math.floor(random.uniform() * n)
  const { text, phonemes } = texts[below(texts.length)]!
  const tokens = [...phonemes!].map((c) => vocab[c]).filter((t) => t !== undefined)
  const [a, b] = [voices[below(voices.length)]!, voices[below(voices.length)]!]
  const blend = random.uniform() < 0.5
  const speed = 0.9 * (1.2 / 0.9) ** random.uniform()
  const styleOf = ({ styles }: typeof a) => styles.subarray(tokens.length * STYLE, (tokens.length + 1) * STYLE)
  const style = blend ? styleOf(a).map((v, k) => (v + styleOf(b)[k]!) / 2) : styleOf(a).slice()
  const { audio } = await model.run({
    tokens: { data: BigInt64Array.from([0, ...tokens, 0], BigInt), dims: [1, tokens.length + 2] },
    style: { data: style, dims: [1, STYLE] },
    speed: { data: Float32Array.of(speed), dims: [1] },
  })
  const samples = audio!.data as Float32Array
  // Ids end in a letter, so that none falls into a held-out set.
  const id = `${blend ? `${a.name}_${b.name}` : a.name}-${i}v`
  const file = path.join('audio', `${id}.wav`)
  writeFileSync(path.join(flags.out, `${file}.part`), encodeWav(samples))
  renameSync(path.join(flags.out, `${file}.part`), path.join(flags.out, file))
  appendFileSync(list, `${JSON.stringify({ id, audio: file, samples: samples.length, text })}\n`)
  seconds += samples.length / SAMPLE_RATE
  const spent = (performance.now() - started) / 60_000
  process.stderr.write(
    `\r${(seconds / 60).toFixed(1)} of ${(wanted / 60).toFixed(0)} minutes, ${spent.toFixed(0)} min spent `,
  )
}
process.stderr.write('\n')
await model.release()
// Whoever ends last finds every part.
const lists = readdirSync(flags.out).filter((file) => /^part-\d+\.jsonl$/.test(file))
writeFileSync(
  path.join(flags.out, 'corpus.jsonl'),
  lists
    .sort()
    .map((file) => readFileSync(path.join(flags.out!, file), 'utf8'))
    .join(''),
)
