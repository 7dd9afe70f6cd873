import { expect, test } from 'vitest'
import { ERRORS, type ErrorCode, httpRemedy, SparsewaveError } from './errors.ts'

test.each(Object.keys(ERRORS) as ErrorCode[])('over HTTP %s names nothing that only a terminal has', (code) => {
  const remedy = httpRemedy(new SparsewaveError(code, 'It failed.'))
  expect(remedy).toMatch(/^[`A-Z].*\.$/)
  expect(remedy).not.toMatch(/`sparsewave |SPARSEWAVE_|npm |docs\/|--\w|openVoice|job file/)
})

test("an error's own remedy is kept, without paths of the documentation", () => {
  const own = (remedy: string) => httpRemedy(new SparsewaveError('REQUEST_INVALID', 'It failed.', { remedy }))
  expect(own('Ask for mp3.')).toBe('Ask for mp3.')
  expect(own('Phonemes are a, b; docs/reference/phonemes.md shows how words are written in them.')).toBe(
    'Phonemes are a, b.',
  )
  expect(own('docs/reference/ssml.md lists the SSML that is spoken.')).toBe(ERRORS.REQUEST_INVALID.http)
})
