/** The file of `--lexicon`: words and their phonemes as JSON. */
import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import { z } from 'zod'
import { SparsewaveError } from '../errors.ts'
import { RequestLexicon } from '../text/index.ts'

export const lexiconOption = (): Option =>
  new Option('--lexicon <file>', 'JSON file of words and their phonemes, which go before the dictionary')

/** The words of a file. Throws USAGE, REQUEST_INVALID when a word's phonemes are none. */
export function readLexicon(file: string | undefined): Record<string, string> {
  if (file === undefined) return {}
  try {
    const words = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')))
    new RequestLexicon(words)
    return words
  } catch (cause) {
    if (cause instanceof SparsewaveError) throw cause
    throw new SparsewaveError('USAGE', `The lexicon ${file} cannot be read: it must be JSON, {"word": "phonemes"}.`, {
      remedy: 'See the examples of `sparsewave read --help`.',
      cause,
    })
  }
}
