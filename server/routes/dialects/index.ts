/** The HTTP dialects that are spoken: one file and one line here each. Of those that share a path the first that is meant. */
import type { HttpDialect } from '../dialect.ts'
import { openai } from './openai.ts'

export const HTTP_DIALECTS: readonly HttpDialect[] = [openai]
