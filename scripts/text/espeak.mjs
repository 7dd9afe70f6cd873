/**
 * Reference for languages whose spelling tells their sound: what espeak-ng says, in the symbols of Kokoro-82M's voices.
 * espeak-ng is GPL. It runs here as a program of its own, nothing of it ships, and no test needs it.
 */
import { spawnSync } from 'node:child_process'

/** Sounds that the voices have as one symbol. */
const JOINED = [
  ['a^ɪ', 'I'],
  ['a^ʊ', 'W'],
  ['d^z', 'ʣ'],
  ['d^ʒ', 'ʤ'],
  ['e^ɪ', 'A'],
  ['o^ʊ', 'O'],
  ['s^s', 'S'],
  ['t^s', 'ʦ'],
  ['t^ʃ', 'ʧ'],
  ['ɔ^ɪ', 'Y'],
]

/** Phonemes of lines, one for each. `language`: espeak-ng's name, for example es. */
export function espeak(language, lines) {
  // A line is a clause only if it ends with a stop.
  const input = lines.map((line) => `${line.replace(/[.,;:!?…]+$/, '')}.\n`).join('\n')
  const { status, stdout, error } = spawnSync('espeak-ng', ['-q', '--ipa=1', '--tie=^', '-v', language], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) {
    console.error(`espeak-ng is missing or fails (${error?.message ?? status}): apt-get install espeak-ng`)
    process.exit(2)
  }
  const out = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      let sounds = line.trim().replace(/\([a-z-]+\)/g, '')
      for (const [from, to] of JOINED) sounds = sounds.replaceAll(from, to)
      return sounds.replace(/[\^-]/g, '')
    })
  if (out.length !== lines.length) throw new Error(`${lines.length} lines went in and ${out.length} came out`)
  return out
}
