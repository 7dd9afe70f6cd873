// Prints how many of the commonest names, places, brands and technical words are read from the dictionary, from a listed
// word or letter by letter, and which are left to the model of letters (scripts/text/lists, made by name-lists.py):
//   npm run build && node scripts/text/coverage.mjs [--missing]
import { readdirSync, readFileSync } from 'node:fs'
import { phonemize } from '../../dist/src/text/languages/en/phonemize.js'

const folder = new URL('lists/', import.meta.url)
for (const file of readdirSync(folder)) {
  const names = readFileSync(new URL(file, folder), 'utf8').trim().split('\n')
  const missing = names.filter((name) => phonemize(name).words.some((word) => word.source === 'letters'))
  const covered = names.length - missing.length
  console.log(`${file}: ${covered} of ${names.length}, ${((100 * covered) / names.length).toFixed(1)} %`)
  if (process.argv.includes('--missing')) console.log(`  ${missing.join(', ')}`)
}
