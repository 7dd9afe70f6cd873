/**
 * Looks for the input that holds a synthesis worker's thread longest in one go. While a call runs, no other stream of the
 * worker gets audio. Inputs are bred: the worst so far are changed a little and tried again.
 *
 *     node bench/dist/abuse/longest-call.js [--voice heart] [--tries 400] [--seed 1] [--limit 50]
 *
 * Prints the worst inputs and ends with 1 if a call takes longer than the limit, ms. Time is CPU time of the process, the
 * least of three runs, so that other programs do not count.
 */
import { parseArgs } from 'node:util'
import { Random } from 'sparsewave/internal/random'
import { loadSynthesizer, type SpeechOptions, SsmlError } from 'sparsewave/internal/synthesis/index'

const { values: flags } = parseArgs({
  options: {
    voice: { type: 'string', default: 'heart' },
    tries: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '50' },
  },
})

interface Input {
  readonly text: string
  readonly speed: number
  readonly pitch: number
  readonly lexicon?: Record<string, string>
  readonly ssml?: boolean
}

const random = new Random(Number(flags.seed))
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!
const PIECES = [
  'a',
  'e ',
  '≠',
  '7',
  '1234567890',
  ',',
  '. ',
  '—',
  ' ',
  '\n',
  "'",
  '-',
  'xqz',
  'strengths ',
  'antidisestablishmentarianism',
  '$3.50 ',
  '12:30 ',
  'https://a.b/c?d=e&f ',
  'III ',
  'A.B.C. ',
  'ßé',
  '漢',
  '\u0301',
  '%',
  'MP3s ',
  '(',
  '”',
  'th',
  'the ',
  '½',
] as const
const SOUNDS = ['ˈɑ', 'b', 'ʧ', 'ˌO', 'ɹ', 's', ' ', 'ˈW', 'm', 'ᵊl'] as const

const repeated = (): string => pick(PIECES).repeat(1 + Math.floor(random.uniform() * 250))
const sounds = (): string =>
  `ˈɑ${Array.from({ length: Math.floor(random.uniform() * 50) }, () => pick(SOUNDS)).join('')}`.slice(0, 120)

function fresh(): Input {
  const text = Array.from({ length: 1 + Math.floor(random.uniform() * 6) }, repeated)
    .join('')
    .slice(0, 4096)
  return { text, speed: pick([0.25, 0.5, 1, 4]), pitch: pick([0.5, 1, 2]) }
}

/** A little different: a piece put in, taken out or said again; other settings; a lexicon; SSML around it. */
function changed(input: Input): Input {
  const { text } = input
  const at = Math.floor(random.uniform() * (text.length + 1))
  const to = Math.min(text.length, at + 1 + Math.floor(random.uniform() * 200))
  const ways: (() => Input)[] = [
    () => ({ ...input, text: text.slice(0, at) + repeated() + text.slice(at) }),
    () => ({ ...input, text: text.slice(0, at) + text.slice(to) || 'a' }),
    () => ({ ...input, text: text.slice(0, to) + text.slice(at, to) + text.slice(to) }),
    () => ({ ...input, speed: pick([0.25, 0.3, 1, 4]), pitch: pick([0.5, 1, 2]) }),
    () => ({ ...input, lexicon: { ...input.lexicon, [pick(PIECES).trim() || 'a']: sounds() } }),
    () => ({
      ...input,
      lexicon: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`${'a '.repeat(i % 28)}e${i}`, sounds()])),
    }),
    () => ({
      ...input,
      ssml: true,
      text: `<speak><phoneme alphabet="x-sparsewave" ph="${sounds().repeat(20)}">x</phoneme>${text.replace(/[<&]/g, '')}</speak>`,
    }),
    () => ({ ...input, ssml: true, text: `<speak>${'<prosody rate="x-slow">a </prosody>'.repeat(80)}</speak>` }),
  ]
  const made = pick(ways)()
  return { ...made, text: made.text.slice(0, 4096) }
}

const synthesizer = await loadSynthesizer(flags.voice)

const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** CPU milliseconds of the longest stretch in which nothing else got the thread, up to the first two seconds of audio. */
async function longest(input: Input): Promise<number> {
  let worst = 0
  let last = cpu()
  let isOver = false
  const probe = (): void => {
    const now = cpu()
    worst = Math.max(worst, now - last)
    last = cpu()
    if (!isOver) setImmediate(probe)
  }
  setImmediate(probe)
  const { text, speed, pitch, lexicon, ssml } = input
  const options: SpeechOptions = { seed: 1, speed, pitch, ...(lexicon && { lexicon }), ...(ssml && { ssml }) }
  try {
    let samples = 0
    for await (const chunk of synthesizer.stream(text, options)) {
      samples += chunk.samples.length
      if (samples > 48_000) break
    }
  } catch (error) {
    if (!(error instanceof SsmlError) && !/INPUT_EMPTY|REQUEST_INVALID/.test((error as { code?: string }).code ?? ''))
      throw error
  }
  isOver = true
  await new Promise((resolve) => setImmediate(resolve))
  return worst
}

/** The least of three, as long as it matters. */
async function measured(input: Input, atLeast: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3 && least > atLeast; i++) least = Math.min(least, await longest(input))
  return least
}

const HERD = 12
let herd: { input: Input; ms: number }[] = []
await longest({ text: 'Warm up. It takes a sentence or two.', speed: 1, pitch: 1 })
for (let n = 0; n < Number(flags.tries); n++) {
  const input = herd.length < HERD || random.uniform() < 0.1 ? fresh() : changed(pick(herd).input)
  const ms = await measured(input, herd.length < HERD ? 0 : herd.at(-1)!.ms)
  herd = [...herd, { input, ms }].sort((a, b) => b.ms - a.ms).slice(0, HERD)
  if (n % 50 === 49) console.error(`${n + 1} tries: ${herd[0]!.ms.toFixed(1)} ms`)
}

console.log('| longest call, ms of CPU | characters | speed | lexicon | begins with |\n| --- | --- | --- | --- | --- |')
for (const { input, ms } of herd.slice(0, 6))
  console.log(
    `| ${ms.toFixed(1)} | ${input.text.length}${input.ssml ? ' SSML' : ''} | ${input.speed} | ${Object.keys(input.lexicon ?? {}).length} | \`${JSON.stringify(input.text.slice(0, 40)).replaceAll('|', '\\|')}\` |`,
  )
await synthesizer.close()
process.exitCode = herd[0]!.ms > Number(flags.limit) ? 1 : 0
