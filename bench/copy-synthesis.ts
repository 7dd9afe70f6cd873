/**
 * Copy synthesis of held-out utterances with the source-filter vocoder: analysis, synthesis, the files a judge needs.
 *
 *     node dist/bench/copy-synthesis.js CORPUS OUT [ids...]
 *
 * writes OUT/ID.wav, OUT/ID.ref.wav and OUT/pairs.tsv (reference, tab, copy) and prints the speed of both halves. Without
 * ids: the utterances in CORPUS/reference.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { analyze } from '../src/analysis/index.ts'
import { readOpus } from '../src/audio/opus.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { HOP, SAMPLE_RATE } from '../src/frames.ts'
import { createSourceFilter } from '../src/vocoder/source-filter/index.ts'

const [corpus, folder, ...chosen] = process.argv.slice(2)
if (!corpus || !folder) {
  console.error('usage: copy-synthesis CORPUS OUT [ids...]')
  process.exit(2)
}
const ids =
  chosen.length > 0
    ? chosen
    : readdirSync(join(corpus, 'reference'))
        .filter((f) => f.endsWith('.f0.f32'))
        .map((f) => f.split('.')[0]!)
const lengths = new Map(
  readFileSync(join(corpus, 'corpus.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; samples: number })
    .map(({ id, samples }) => [id, samples]),
)
mkdirSync(folder, { recursive: true })
const vocoder = createSourceFilter()
const pairs: string[] = []
let seconds = 0
let analysis = 0
let synthesis = 0
for (const id of ids) {
  const samples = await readOpus(join(corpus, 'audio', `${id}.opus`), lengths.get(id))
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
writeFileSync(join(folder, 'pairs.tsv'), `${pairs.join('\n')}\n`)
const ratio = (ms: number): string => (ms / 1000 / seconds).toFixed(4)
console.log(
  `${ids.length} utterances, ${seconds.toFixed(1)} s; analysis ${ratio(analysis)} x real time, synthesis ${ratio(synthesis)}`,
)
