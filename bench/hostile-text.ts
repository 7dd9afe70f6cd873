/**
 * How long the text front end takes with texts made to make it slow: fragments that its rules begin with, repeated, in pairs
 * and in random order, up to 4,096 characters, which is what one request may send.
 *
 *     node bench/dist/hostile-text.js [--texts 400] [--seed 1] [--worst 12]
 *
 * CPU time, so that other processes count less. Prose is timed beside it: on another machine compare the ratios.
 */
import { parseArgs } from 'node:util'
import { DEFAULT_LANGUAGE } from 'sparsewave/internal/text/index'

const LENGTH = 4096
const { values } = parseArgs({
  options: {
    texts: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    worst: { type: 'string', default: '12' },
  },
})

let state = Number(values.seed) >>> 0
/** A whole number below n. */
const below = (n: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * n)
}
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!

const FRAGMENTS = [
  ...'1 0 9 a I x é . , ; : ! ? - – — / \\ ( ) [ ] { } < > * _ ` ~ # @ & % + = $ € £ ° ² ½ | ^ " \' “ ” … 你 م 😀'.split(
    ' ',
  ),
  ...'1, 1. 1/ 1- 1: 1x 1% 1e 1\' 1" 0x 10 1000 1,000 1.5 1/2 1:30 12:30 2024 2024-01- 1-800- (555) +1 $1 $1. €1, USD 5kg 5k 5m/ m/s 1h'.split(
    ' ',
  ),
  ...'A. I. Mr. No. St. Dr. e.g. U.S. vs. p. Jan Jan. May Mon- III XIV v1. www. http:// a@b a.b .com C# F-1 x² 1st 21st 1960s'.split(
    ' ',
  ),
  ...'<b> </b> <!-- &amp; &#1; ![ ]( [a](b) ** __ ``` ~~ :a: ^2 1) (a) - [ ] | -- ---'.split(' '),
  ..."the read lead bow minute Reading antidisestablish xkcdqwzv BRRRGH camelCaseWord well-known-and- o'clock dogs' 2nite thx".split(
    ' ',
  ),
  ' ',
  '  ',
  '\n',
  '\n\n',
  '\t',
  '\u0301',
  '\u200d',
  '\u2028',
  '\ud800',
]
const JOINTS = ['', ' ', '-', '.', ', ', '/', '\n']

/** A word of random letters, which no dictionary has. */
const randomWord = (): string =>
  Array.from({ length: 2 + below(12) }, () => pick([...'aeioubcdfghjklmnpqrstvwxyz'])).join('')
const randomCharacter = (): string =>
  String.fromCodePoint(pick([below(0x80), below(0x800), below(0xd7ff), 0x1f300 + below(0x300)]))

const filled = (next: () => string): string => {
  let text = ''
  while (text.length < LENGTH) text += next()
  return text.slice(0, LENGTH)
}

/** Families of texts: what each is called and how one is made. */
const FAMILIES: Readonly<Record<string, () => { name: string; text: string }>> = {
  repeated() {
    const [fragment, joint] = [pick(FRAGMENTS), pick(JOINTS)]
    return { name: JSON.stringify(fragment + joint), text: filled(() => fragment + joint) }
  },
  pairs() {
    const [a, b, joint] = [pick(FRAGMENTS), pick(FRAGMENTS), pick(JOINTS)]
    return { name: JSON.stringify(a + joint + b + joint), text: filled(() => a + joint + b + joint) }
  },
  runs() {
    const [a, b] = [pick(FRAGMENTS), pick(FRAGMENTS)]
    return {
      name: `${JSON.stringify(a)}... ${JSON.stringify(b)}`,
      text: a.repeat(LENGTH).slice(0, LENGTH - 1 - b.length) + b,
    }
  },
  mixed: () => ({ name: 'fragments', text: filled(() => pick(FRAGMENTS) + pick(JOINTS)) }),
  words: () => ({ name: 'random words', text: filled(() => `${randomWord()}${pick([' ', ' ', '. ', "'s "])}`) }),
  characters: () => ({ name: 'random characters', text: filled(randomCharacter) }),
}

const PROSE =
  'The committee met on Monday to discuss the new library, which opened in 1998 and holds about 40,000 books. '

const language = DEFAULT_LANGUAGE
const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000

/** CPU time of each sentence in ms, the cutting into sentences shared out among them. */
function time(text: string): number[] {
  const started = process.cpuUsage()
  const sentences = language.splitSentences(text)
  language.unreadable(text)
  const shared = milliseconds(process.cpuUsage(started)) / Math.max(1, sentences.length)
  return sentences.map((sentence) => {
    const before = process.cpuUsage()
    language.phonemize(sentence.text)
    return shared + milliseconds(process.cpuUsage(before))
  })
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
const row = (name: string, times: readonly number[]): string => {
  const sorted = [...times].sort((a, b) => a - b)
  const [half, most, all] = [0.5, 0.99, 1].map((q) => quantile(sorted, q).toFixed(2))
  return `| ${name} | ${times.length} | ${half} | ${most} | ${all} |`
}

// Data is read and code compiled before anything is timed.
for (let i = 0; i < 3; i++) for (const make of Object.values(FAMILIES)) time(make().text)

const all: number[] = []
const worst: { family: string; name: string; text: string; ms: number; total: number }[] = []
console.log('| texts | sentences | p50 ms | p99 ms | worst ms |\n| --- | --- | --- | --- | --- |')
console.log(row('prose', Array.from({ length: 20 }, () => time(PROSE.repeat(40).slice(0, LENGTH))).flat()))
for (const [family, make] of Object.entries(FAMILIES)) {
  const times: number[] = []
  for (let i = 0; i < Number(values.texts) / Object.keys(FAMILIES).length; i++) {
    const { name, text } = make()
    const each = time(text)
    times.push(...each)
    worst.push({ family, name, text, ms: Math.max(...each), total: each.reduce((a, b) => a + b, 0) })
  }
  all.push(...times)
  console.log(row(family, times))
}
console.log(row('all of these', all))
console.log('\nSlowest texts, by their slowest sentence:')
for (const { family, name, ms, total } of worst.sort((a, b) => b.ms - a.ms).slice(0, Number(values.worst)))
  console.log(`${ms.toFixed(2)} ms of ${total.toFixed(1)}  ${family} ${name}`)
