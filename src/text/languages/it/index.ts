/** Italian. */
import type { Language } from '../../language.ts'
import { BRITISH_SYMBOLS, PHONEMES, ROMANCE_SYMBOLS } from '../../phonemes.ts'
import { spelledLanguage } from '../../spelled/index.ts'
import { ITALIAN } from './wording.ts'

export const italian = (): Language =>
  spelledLanguage(
    {
      tag: 'it',
      name: 'Italian',
      folder: 'it',
      data: ['it.stress'],
      symbols: PHONEMES + BRITISH_SYMBOLS + ROMANCE_SYMBOLS,
    },
    ITALIAN,
  )
