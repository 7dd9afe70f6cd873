/** The dialects that are spoken: one file and one line here each. */
import type { Dialect } from '../dialect.ts'
import { deepgram } from './deepgram.ts'
import { deepgramV2 } from './deepgram-v2.ts'
import { elevenlabs } from './elevenlabs.ts'
import { elevenlabsMulti } from './elevenlabs-multi.ts'
import { sparsewave } from './sparsewave.ts'

export const DIALECTS: readonly Dialect[] = [sparsewave, deepgram, deepgramV2, elevenlabs, elevenlabsMulti]
