/** A run that starts from another net's weights and adds to them: symbols, speakers. */

import { SPEAKER_FIELDS } from 'sparsewave/internal/acoustic/net/config'
import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { Checkpoint } from './checkpoint.ts'
import { startOf } from './start.ts'

/** Tables with a row for each of what a net can grow by. */
const TABLES = ['encoder.symbols.table', 'speakers.table']

/**
 * `fresh` with the averaged weights of `found` wherever that has them. Speaks as `found` did until it is trained, for what `found` knows.
 * `name` is what errors call `found`. Throws CHECKPOINT_INVALID when `fresh` is not `found` with symbols or speakers appended.
 */
export function extend(found: Checkpoint, fresh: Checkpoint, name: string): Checkpoint {
  const { symbols, speakers, ...shape } = found.config
  const { symbols: newSymbols, speakers: newSpeakers, ...newShape } = fresh.config
  const grows = newSymbols.startsWith(symbols) && speakers.every((speaker, i) => newSpeakers[i] === speaker)
  if (!grows || JSON.stringify(shape) !== JSON.stringify(newShape))
    throw new SparsewaveError('CHECKPOINT_INVALID', `${name} was trained with another \`model\`.`, {
      remedy: 'Give the job the `model` of what it starts from. It may append symbols and speakers.',
    })
  const parameters = { ...fresh.parameters }
  for (const { name: parameter } of parametersOf(found.config)) {
    const known = found.average[parameter]!
    const own = parameters[parameter]!
    parameters[parameter] = TABLES.includes(parameter) ? Float32Array.from(own, (v, i) => known[i] ?? v) : known
  }
  // A new speaker begins as the mean of the known ones.
  const table = parameters['speakers.table']
  if (table && speakers.length > 0)
    for (let at = speakers.length * SPEAKER_FIELDS; at < table.length; at++) {
      let sum = 0
      for (let s = 0; s < speakers.length; s++) sum += table[s * SPEAKER_FIELDS + (at % SPEAKER_FIELDS)]!
      table[at] = sum / speakers.length
    }
  return startOf({ config: fresh.config, normalization: fresh.normalization, parameters })
}
