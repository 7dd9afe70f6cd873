/** The languages there are. A new one is a folder beside this file and a line here. */
import { SparsewaveError } from '../../errors.ts'
import type { Language } from '../language.ts'
import { english } from './en/index.ts'
import { spanish } from './es/index.ts'
import { italian } from './it/index.ts'

/** By BCP 47 tag; the first of a language answers for its other regions. */
const LANGUAGES: readonly Language[] = [english('en-US'), english('en-GB'), spanish(), italian()]

export const LANGUAGE_TAGS: readonly string[] = LANGUAGES.map(({ tag }) => tag)

/** The language of a voice. Throws VOICE_MISMATCH when its texts cannot be read. */
export function languageFor(tag: string): Language {
  const wanted = tag.toLowerCase()
  const found =
    LANGUAGES.find((language) => language.tag.toLowerCase() === wanted) ??
    LANGUAGES.find((language) => language.tag.split('-')[0] === wanted.split('-')[0])
  if (found) return found
  throw new SparsewaveError('VOICE_MISMATCH', `The voice speaks ${tag}, whose texts this version cannot read.`, {
    remedy: `Use a voice that speaks ${LANGUAGE_TAGS.join(' or ')}.`,
  })
}

/** The language of texts whose voice is not known. */
export const DEFAULT_LANGUAGE: Language = LANGUAGES[0]!
