/** Voices that are mixed: `heart:0.6,emma:0.4` is a voice between the two. */
import { SparsewaveError } from '../errors.ts'

/** Voices of one package, each with its share, all of them above 0. */
export type Mixture = Readonly<Record<string, number>>

/** Most voices of a mixture. */
const MOST = 4
const PART = /^([^:,]+)(?::(\d{1,4}(?:\.\d{1,4})?|\.\d{1,4}))?$/

/**
 * The voices that a name mixes, in order, a share of 1 where none is said. Undefined for the name of one voice. Throws VOICE_UNKNOWN for
 * what is neither.
 */
export function parseMixture(name: string): Mixture | undefined {
  if (!/[:,]/.test(name)) return undefined
  const fail = (why: string): SparsewaveError =>
    new SparsewaveError('VOICE_UNKNOWN', `'${name}' is not a mixture of voices: ${why}.`, {
      remedy: 'Write names and shares like heart:0.6,emma:0.4.',
    })
  const parts = name.split(',')
  if (parts.length > MOST) throw fail(`at most ${MOST} voices can be mixed`)
  const mixture: Record<string, number> = {}
  for (const part of parts) {
    const [, voice, share = '1'] = PART.exec(part.trim()) ?? []
    if (voice === undefined) throw fail(`'${part.trim()}' is not a name and a share`)
    if (!(Number(share) > 0)) throw fail(`the share of '${voice}' must be above 0`)
    if (Object.hasOwn(mixture, voice)) throw fail(`'${voice}' is named twice`)
    mixture[voice] = Number(share)
  }
  return mixture
}
