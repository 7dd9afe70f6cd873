/**
 * Other voices to train on: Kokoro-82M (Apache-2.0) reads the texts of a corpus that has phonemes, or the lines of a text file, in the voices of a folder. Writes a
 * corpus (WAV, phonemes, exact durations, speaker). The text of a line and its voice follow from the seed; the model draws its own noise, so
 * another run gives other samples. Lines that are there already are kept, and several parts may run side by side into one folder.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { loadOnnx } from 'sparsewave/internal/onnx/runtime'
import { Random } from 'sparsewave/internal/random'
import { languageFor } from 'sparsewave/internal/text/languages/index'
import { DURATION_UNIT, readCorpus } from '../data/corpus.ts'

const USAGE = `usage: kokoro MODEL.onnx VOCABULARY.json VOICES --texts CORPUS|FILE.txt -o FOLDER [options]

  --voices a,b      read only these voices of the folder VOICES (default: all)
  --without a,b     leave these out
  --minutes 60      audio to make in all, shared evenly between the voices
  --blends 0        share of utterances in a halfway blend of two voices
  --speeds 1,1      slowest and fastest speed, drawn per utterance
  --language en-GB  read the texts by this front end (default: the corpus's own phonemes); a text file needs it
  --seed 1          of texts, voices and speeds
  --part 1/2        one of several processes that write into the same folder

Example, twenty minutes each of two voices:
  node training/dist/corpora/kokoro.js kokoro.onnx vocab.json voices --texts corpus -o runs/voices --voices af_bella,am_puck --minutes 40
Example, ten minutes of Spanish from sentences, one a line:
  node training/dist/corpora/kokoro.js kokoro.onnx vocab.json voices --texts training/corpora/texts/es.txt --language es \\
    -o runs/es --voices ef_dora,em_alex --minutes 10`

/** Length of a style vector; a voice has one for every number of tokens. */
const STYLE = 256
/** The model's rounded durations, one a token, in units of 25 ms: an inner value of the graph. */
const DURATIONS = '/encoder/Clip_output_0'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    texts: { type: 'string' },
    out: { type: 'string', short: 'o' },
    voices: { type: 'string' },
    without: { type: 'string', default: '' },
    minutes: { type: 'string', default: '60' },
    blends: { type: 'string', default: '0' },
    speeds: { type: 'string', default: '1,1' },
    language: { type: 'string' },
    seed: { type: 'string', default: '1' },
    part: { type: 'string', default: '1/1' },
    help: { type: 'boolean', short: 'h' },
  },
})
const [modelFile, vocabularyFile, voicesDir] = positionals
const [part, parts] = flags.part.split('/').map(Number)
const [slowest, fastest] = flags.speeds.split(',').map(Number)
if (
  flags.help ||
  !modelFile ||
  !vocabularyFile ||
  !voicesDir ||
  !flags.texts ||
  !flags.out ||
  !part ||
  !parts ||
  !slowest ||
  !fastest
) {
  console.error(USAGE)
  process.exit(flags.help ? 0 : 2)
}

/** A protobuf field of type bytes or message. */
function field(number: number, payload: Uint8Array): Buffer {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)])
  return Buffer.from([...varint((number << 3) | 2), ...varint(payload.length), ...payload])
}
/**
 * The model with one more output. A message that comes twice in a protobuf is merged, so it is enough to append
 * ModelProto { graph: { output: [{ name }] } } to the file.
 */
const withOutput = (model: Uint8Array, name: string): Buffer =>
  Buffer.concat([model, field(7, field(12, field(1, Buffer.from(name))))])

const { vocab } = JSON.parse(readFileSync(vocabularyFile, 'utf8')) as { vocab: Record<string, number> }
const without = new Set(flags.without.split(','))
const only = flags.voices ? new Set(flags.voices.split(',')) : undefined
const voices = readdirSync(voicesDir)
  .map((file) => path.basename(file, '.bin'))
  .filter((name, i, all) => all.indexOf(name) === i && !without.has(name) && (only?.has(name) ?? true))
  .sort()
  .map((name) => ({
    name,
    styles: new Float32Array(new Uint8Array(readFileSync(path.join(voicesDir, `${name}.bin`))).buffer),
  }))
if (voices.length === 0 || (only && voices.length < only.size)) {
  console.error(`${voicesDir} has not all of these voices: ${[...(only ?? [])].join(', ')}`)
  process.exit(2)
}
const language = flags.language ? languageFor(flags.language) : undefined
/** Phonemes of a text as the language reads them, sentences parted by spaces. */
const read = (text: string): string =>
  language!
    .splitSentences(text)
    .map((sentence) => language!.phonemize(sentence.text).phonemes)
    .filter(Boolean)
    .join(' ')
if (flags.texts.endsWith('.txt') && !language) {
  console.error('A text file has no phonemes: say its --language, for example es.')
  process.exit(2)
}
/** Utterances of a corpus, or the lines of a text file, numbered. Lines that begin with # are notes. */
function readTexts(source: string): { id: string; text: string; phonemes?: string | undefined }[] {
  if (!source.endsWith('.txt')) return readCorpus(source)
  const name = path.basename(source, '.txt')
  const lines = readFileSync(source, 'utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((text, i) => ({ id: `${name}-${String(i + 1).padStart(4, '0')}`, text }))
}
// A text's symbols are the model's tokens, or its durations would not be theirs.
const texts = readTexts(flags.texts)
  .map((utterance) => (language ? { ...utterance, phonemes: read(utterance.text) } : utterance))
  .filter(
    ({ phonemes }) =>
      phonemes && phonemes.length > 12 && phonemes.length < 200 && [...phonemes].every((c) => c in vocab),
  )
const model = await loadOnnx({ name: modelFile, bytes: withOutput(readFileSync(modelFile), DURATIONS) })
const audioDir = path.join(flags.out, 'audio')
mkdirSync(audioDir, { recursive: true })
const list = path.join(flags.out, `part-${part}.jsonl`)
const known = existsSync(list) ? readFileSync(list, 'utf8').trim().split('\n').filter(Boolean) : []
let seconds = known.reduce((sum, line) => sum + JSON.parse(line).samples / SAMPLE_RATE, 0)
const started = performance.now()
const wanted = (Number(flags.minutes) * 60) / parts
for (let i = known.length * parts + part - 1; seconds < wanted; i += parts) {
  const random = new Random(Number(flags.seed), i)
  // Voices take turns; each reads the texts in an order of its own, and none twice before all were read.
  const a = voices[i % voices.length]!
  const turn = Math.floor(i / voices.length)
  const order = new Random(Number(flags.seed), 0x10000 + (i % voices.length)).permutation(texts.length)
  const { id: textId, text, phonemes } = texts[order[turn % texts.length]!]!
  const b = random.uniform() < Number(flags.blends) ? voices[random.below(voices.length)]! : undefined
  const speed = slowest * (fastest / slowest) ** random.uniform()
  const tokens = [...phonemes!].map((c) => vocab[c]!)
  const styleOf = ({ styles }: typeof a) => styles.subarray(tokens.length * STYLE, (tokens.length + 1) * STYLE)
  const style = b ? styleOf(a).map((v, k) => (v + styleOf(b)[k]!) / 2) : styleOf(a).slice()
  const { audio, [DURATIONS]: lengths } = await model.run({
    tokens: { data: BigInt64Array.from([0, ...tokens, 0], BigInt), dims: [1, tokens.length + 2] },
    style: { data: style, dims: [1, STYLE] },
    speed: { data: Float32Array.of(speed), dims: [1] },
  })
  const samples = audio!.data as Float32Array
  const durations = Array.from(lengths!.data as Float32Array, Math.round)
  const total = durations.reduce((sum, d) => sum + d, 0) * DURATION_UNIT
  if (total !== samples.length) throw new Error(`durations sum to ${total} samples, the audio has ${samples.length}`)
  const speaker = b ? `${a.name}+${b.name}` : a.name
  // Ids end as the text's does: a held-out text is held out in every voice.
  const id = `${speaker.replace('+', '_')}-${i}-${textId}`
  const file = path.join('audio', `${id}.wav`)
  writeFileSync(path.join(flags.out, `${file}.part`), encodeWav(samples))
  renameSync(path.join(flags.out, `${file}.part`), path.join(flags.out, file))
  appendFileSync(
    list,
    `${JSON.stringify({ id, audio: file, samples: samples.length, text, phonemes, durations, speaker, speed })}\n`,
  )
  seconds += samples.length / SAMPLE_RATE
  const spent = (performance.now() - started) / 60_000
  process.stderr.write(
    `\r${(seconds / 60).toFixed(1)} of ${(wanted / 60).toFixed(0)} minutes, ${spent.toFixed(0)} min spent `,
  )
}
process.stderr.write('\n')
await model.release()
// The process that ends last finds the lines of all.
const lists = readdirSync(flags.out).filter((file) => /^part-\d+\.jsonl$/.test(file))
writeFileSync(
  path.join(flags.out, 'corpus.jsonl'),
  lists
    .sort()
    .map((file) => readFileSync(path.join(flags.out!, file), 'utf8'))
    .join(''),
)
