/** The HTTP dialects that are spoken: one file and one line here each. Of those that share a path the first that is meant. */
import type { HttpDialect } from '../dialect.ts'
import { coqui } from './coqui.ts'
import { deepgram } from './deepgram.ts'
import { elevenlabs } from './elevenlabs.ts'
import { kokoro } from './kokoro.ts'
import { openai } from './openai.ts'
import { piper } from './piper.ts'

export const HTTP_DIALECTS: readonly HttpDialect[] = [deepgram, elevenlabs, kokoro, coqui, piper, openai]
