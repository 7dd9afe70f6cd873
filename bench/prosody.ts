/**
 * The melody of questions, lists and statements: F0 of twenty sentences as plots, and how their ends move. With a corpus, also how its own
 * questions end.
 *
 *     node bench/dist/prosody.js VOICE OUT.svg [--corpus FOLDER --cache runs/cache]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { escapeHtml } from 'sparsewave/internal/html'
import { languageFor } from 'sparsewave/internal/text/index'
import { readVoice } from 'sparsewave/internal/voices/index'
import { cacheUtterance, readCached } from 'sparsewave-training/internal/data/cache'
import { readCorpus } from 'sparsewave-training/internal/data/corpus'

/** Kinds by how they end: a yes-no question rises, the others fall; an item before the last stays up. */
const SENTENCES = {
  'yes or no': [
    'Is the library open on Sunday?',
    'Did you lock the door?',
    'Can we leave a little earlier?',
    'Are these seats taken?',
    'Would you like some more tea?',
    'Have they found the keys yet?',
  ],
  'which, who, when': [
    'What time does the train leave?',
    'Where did you park the car?',
    'Who wrote this letter?',
    'Why is the window open?',
    'How far is it to the station?',
  ],
  'one or the other': ['Do you want coffee or tea?', 'Shall we walk or take the bus?'],
  statement: [
    'The library is open on Sunday.',
    'I locked the door.',
    'We can leave a little earlier.',
    'These seats are taken.',
  ],
  list: [
    'We need apples, oranges, and bread.',
    'Bring a coat, a hat, a scarf, and gloves.',
    'She speaks French, Spanish, and Greek.',
  ],
} as const
type Kind = keyof typeof SENTENCES

const SECONDS = 0.005
/** Voiced frames at the end whose movement counts, and those before that they are compared with. */
const END = 12
const BEFORE = 40

/** Semitones from the voice's course to its last voiced frames; undefined when too little is voiced. */
function ending(f0: Float32Array): number | undefined {
  const voiced = [...f0].filter((v) => v > 0).map((v) => 12 * Math.log2(v))
  if (voiced.length < END + BEFORE) return undefined
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  return mean(voiced.slice(-END)) - mean(voiced.slice(-END - BEFORE, -END))
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { corpus: { type: 'string' }, cache: { type: 'string', default: 'runs/cache' } },
})
const [name, out] = positionals
if (!name || !out) {
  console.error('usage: prosody VOICE OUT.svg [--corpus FOLDER]')
  process.exit(2)
}
const { manifest, path } = readVoice(name)
const language = languageFor(manifest.language)
const acoustic = await AcousticModel.load(path('acoustic.onnx'), manifest)
const speaker = manifest.speaker === undefined ? undefined : { [manifest.speaker]: 1 }

interface Melody {
  readonly kind: Kind
  readonly text: string
  readonly f0: Float32Array
  /** Frames at which the commas stand. */
  readonly commas: readonly number[]
}
const melodies: Melody[] = []
for (const [kind, texts] of Object.entries(SENTENCES) as [Kind, readonly string[]][])
  for (const text of texts) {
    const { frames, durations, phonemes } = await acoustic.predict(language.phonemize(text).phonemes, { speaker })
    const commas: number[] = []
    let end = durations[0]!
    for (const [i, symbol] of [...phonemes].entries()) {
      if (symbol === ',') commas.push(end)
      end += durations[i + 1]!
    }
    melodies.push({ kind, text, f0: frames.f0, commas })
  }
await acoustic.close()

console.log('| kind | end of the sentence, semitones from what is before it | items before the last |')
console.log('| --- | --- | --- |')
for (const kind of Object.keys(SENTENCES) as Kind[]) {
  const own = melodies.filter((m) => m.kind === kind)
  const ends = own.map(({ f0 }) => ending(f0)?.toFixed(1) ?? '-')
  const items = own.flatMap(({ f0, commas }) => commas.map((at) => ending(f0.subarray(0, at))?.toFixed(1) ?? '-'))
  console.log(`| ${kind} | ${ends.join(', ')} | ${items.join(', ')} |`)
}
if (flags.corpus) {
  const ends = { 'yes or no': [] as number[], 'which, who, when': [] as number[], statement: [] as number[] }
  for (const utterance of readCorpus(flags.corpus)) {
    const { text } = utterance
    const isQuestion = text.endsWith('?')
    const asks = /^(who|what|when|where|why|how|which)\b/i.test(text)
    const isYesNo = /^(is|are|was|were|do|does|did|can|could|would|will|have|has|had|shall|should)\b/i.test(text)
    const kind = isQuestion
      ? asks
        ? 'which, who, when'
        : isYesNo && !/ or /.test(text)
          ? 'yes or no'
          : undefined
      : text.endsWith('.')
        ? 'statement'
        : undefined
    if (!kind || ends[kind].length >= 40) continue
    await cacheUtterance(utterance, flags.cache)
    const end = ending(readCached(flags.cache, utterance.id).frames.f0)
    if (end !== undefined) ends[kind].push(end)
  }
  console.log('\n| recordings | median end, semitones | middle half | sentences |')
  console.log('| --- | --- | --- | --- |')
  for (const [kind, values] of Object.entries(ends)) {
    const sorted = values.sort((a, b) => a - b)
    const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]?.toFixed(1) ?? '-'
    console.log(`| ${kind} | ${at(0.5)} | ${at(0.25)} to ${at(0.75)} | ${sorted.length} |`)
  }
}

const [WIDTH, HEIGHT, COLUMNS] = [300, 130, 4]
const all = melodies.flatMap(({ f0 }) => [...f0].filter((v) => v > 0))
const [low, high] = [Math.log2(Math.min(...all)), Math.log2(Math.max(...all))]
const longest = Math.max(...melodies.map(({ f0 }) => f0.length))
const panels = melodies.map(({ kind, text, f0, commas }, i) => {
  const x = (frame: number): string => (40 + (frame * (WIDTH - 50)) / longest).toFixed(1)
  const y = (hertz: number): string => (110 - ((Math.log2(hertz) - low) / (high - low)) * 76).toFixed(1)
  const lines: string[] = []
  f0.forEach((hertz, f) => {
    if (hertz > 0) lines.push(`${f > 0 && f0[f - 1]! > 0 ? 'L' : 'M'}${x(f)} ${y(hertz)}`)
  })
  const ticks = [2 ** low, 2 ** high]
    .map((v) => `<text x="36" y="${Number(y(v)) + 3}" text-anchor="end" fill="#666">${v.toFixed(0)}</text>`)
    .join('')
  const marks = commas.map((at) => `<path d="M${x(at)} 34V110" stroke="#ccc"/>`).join('')
  return `<g transform="translate(${(i % COLUMNS) * WIDTH} ${Math.floor(i / COLUMNS) * HEIGHT})"><text x="40" y="14" font-weight="bold">${kind}</text><text x="40" y="27">${escapeHtml(text)}</text><path d="M40 34V110H${WIDTH - 10}" fill="none" stroke="#999"/>${ticks}${marks}<text x="${WIDTH - 10}" y="122" text-anchor="end" fill="#666">${(longest * SECONDS).toFixed(1)} s</text><path d="${lines.join('')}" fill="none" stroke="#2a78b8" stroke-width="2"/></g>`
})
const rows = Math.ceil(melodies.length / COLUMNS)
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${COLUMNS * WIDTH}" height="${rows * HEIGHT}" viewBox="0 0 ${COLUMNS * WIDTH} ${rows * HEIGHT}" font-family="sans-serif" font-size="11">
<title>F0 in Hz of twenty sentences, voice ${escapeHtml(name)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${panels.join('\n')}
</svg>
`,
)
