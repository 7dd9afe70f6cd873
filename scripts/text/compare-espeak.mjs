/**
 * How often a language's front end and espeak-ng say the same. `npm run build` first.
 *
 *   compare-espeak.mjs es words.txt              a word a line, each alone
 *   compare-espeak.mjs es text.txt --sentences   running text, a sentence a line
 *   compare-espeak.mjs ... --differences         print what differs
 */
import { readFileSync } from 'node:fs'
import { languageFor } from '../../dist/src/text/languages/index.js'
import { espeak } from './espeak.mjs'

const [tag, file, ...flags] = process.argv.slice(2)
if (!file) {
  console.error('usage: compare-espeak.mjs LANGUAGE FILE [--sentences] [--differences]')
  process.exit(2)
}
const language = languageFor(tag)
const isText = flags.includes('--sentences')
const text = readFileSync(file, 'utf8')
const lines = isText
  ? language.splitSentences(text).map((sentence) => language.spokenText(sentence.text))
  : text.split(/\s+/).filter((word) => /^\p{Ll}+$/u.test(word))
// Marks part what espeak-ng would put on lines of its own.
const clauses = lines
  .flatMap((line) => line.split(/[,.;:!?—()“”]+/))
  .map((line) => line.trim())
  .filter(Boolean)
const stress = (sounds) => sounds.replace(/[^ˈaeiouɛɔɪʊIAWOY]/g, '').indexOf('ˈ')
let [words, same, segments, stressed, skipped] = [0, 0, 0, 0, 0]
const theirs = espeak(tag.split('-')[0], clauses)
clauses.forEach((clause, i) => {
  const ours = language.phonemize(clause).phonemes.split(' ')
  const reference = theirs[i].split(' ')
  const written = clause.split(/\s+/)
  if (ours.length !== reference.length) {
    skipped += reference.length
    if (flags.includes('--differences')) console.log(`${clause}: ${ours.join(' ')} | ${reference.join(' ')}`)
    return
  }
  ours.forEach((word, k) => {
    const other = reference[k]
    words++
    if (word === other) same++
    else if (flags.includes('--differences'))
      console.log(`${written.length === ours.length ? written[k] : '?'}: ${word} | ${other}`)
    if (word.replace(/[ˈˌ]/g, '') === other.replace(/[ˈˌ]/g, '')) segments++
    // Main stress alone; words that either leaves without are not counted.
    if (word.includes('ˈ') && other.includes('ˈ') && stress(word) !== stress(other)) stressed++
  })
})
const share = (n) => `${((100 * n) / words).toFixed(1)} %`
console.log(
  `${words} words: equal ${share(same)}, sounds equal ${share(segments)}, main stress elsewhere ${share(stressed)}; ${skipped} words in clauses of another length not counted`,
)
