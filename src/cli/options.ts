/** Options that several commands share, checked when they are parsed. */
import { InvalidArgumentError, Option } from 'commander'
import { nearest } from '../errors.ts'
import { FORMATS, MAX_SEED } from '../synthesis/index.ts'
import { VOCODERS } from '../vocoder/vocoder.ts'

/** A parser of numbers in a range. */
export const numberIn =
  (min: number, max: number, whole = false) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`It must be a ${whole ? 'whole number' : 'number'} from ${min} to ${max}.`)
    return value
  }

/** A parser of one of `names` that suggests the nearest for anything else. */
const oneOf =
  <T extends string>(names: readonly T[]) =>
  (text: string): T => {
    const found = names.find((name) => name === text)
    if (found !== undefined) return found
    const near = nearest(text, names)
    throw new InvalidArgumentError(`It must be ${names.join(' or ')}.${near ? ` Did you mean "${near}"?` : ''}`)
  }

export const voiceOption = (): Option => new Option('--voice <name>', 'voice to speak with (see `sparsewave voices`)')
export const vocoderOption = (): Option =>
  new Option('--vocoder <kind>', `${VOCODERS.join(' or ')} (default: the voice's own)`).argParser(oneOf(VOCODERS))
export const seedOption = (): Option =>
  new Option('--seed <n>', 'the same seed gives the same bytes').argParser(numberIn(0, MAX_SEED, true))
export const speedOption = (): Option =>
  new Option('--speed <x>', 'speaking rate, 0.25 to 4').argParser(numberIn(0.25, 4)).default(1)
export const pitchOption = (): Option =>
  new Option('--pitch <x>', "factor on the voice's own pitch, 0.5 to 2").argParser(numberIn(0.5, 2)).default(1)
export const formatOption = (): Option =>
  new Option(
    '--format <format>',
    `${FORMATS.join(', ')} (default: by the file's name, wav for a pipe). pcm is s16le, 24 kHz, mono`,
  ).argParser(oneOf(FORMATS))
