/** Checks what callers pass, so that a wrong value is refused by name before any work begins. */
import { nearest, SparsewaveError } from '../errors.ts'
import { MAX_SEED } from '../synthesis/seed.ts'
import { VOCODERS } from '../vocoder/vocoder.ts'
import type { SpeakOptions } from './types.ts'

const REMEDY = 'See the doc comment of the option.'

const refuse = (message: string): SparsewaveError => new SparsewaveError('REQUEST_INVALID', message, { remedy: REMEDY })

function checkRange(name: string, value: unknown, min: number, max: number, whole = false): void {
  if (value === undefined) return
  if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))) return
  throw refuse(`${name} must be a ${whole ? 'whole number' : 'number'} from ${min} to ${max}, not ${String(value)}.`)
}

/** Throws REQUEST_INVALID unless `value` is one of `names`, and suggests the nearest. */
export function checkName(name: string, value: unknown, names: readonly string[]): void {
  if (value === undefined || names.includes(value as string)) return
  const near = nearest(String(value), names)
  throw refuse(`${name} must be ${names.join(', ')}, not ${String(value)}.${near ? ` Did you mean '${near}'?` : ''}`)
}

type Defined<T> = { -readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** A caller's options, those that are undefined left out. Throws REQUEST_INVALID. */
export function checkSpeakOptions(text: string | undefined, options: SpeakOptions): Defined<SpeakOptions> {
  const { speed, pitch, seed, ssml, lexicon, vocoder, signal } = options
  checkRange('speed', speed, 0.25, 4)
  checkRange('pitch', pitch, 0.5, 2)
  checkRange('seed', seed, 0, MAX_SEED, true)
  checkName('vocoder', vocoder, VOCODERS)
  if (text === undefined && ssml) throw refuse('SSML must be passed as one string, not in pieces.')
  return {
    ...(speed !== undefined && { speed }),
    ...(pitch !== undefined && { pitch }),
    ...(seed !== undefined && { seed }),
    ...(lexicon !== undefined && { lexicon }),
    ...(vocoder !== undefined && { vocoder }),
    ...(signal !== undefined && { signal }),
    ...(ssml !== undefined && { ssml }),
  }
}
