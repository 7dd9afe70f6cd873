/** Spanish, as it is spoken in Spain. */
import type { Language } from '../../language.ts'
import { BRITISH_SYMBOLS, PHONEMES, ROMANCE_SYMBOLS } from '../../phonemes.ts'
import { spelledLanguage } from '../../spelled/index.ts'
import { SPANISH } from './wording.ts'

export const spanish = (): Language =>
  spelledLanguage(
    { tag: 'es', name: 'Spanish', folder: 'es', data: [], symbols: PHONEMES + BRITISH_SYMBOLS + ROMANCE_SYMBOLS },
    SPANISH,
  )
