import request from 'supertest'
import { afterEach, expect, test, vi } from 'vitest'
import { predictLetters, standIn } from '../test/support/stand-in.ts'
import { testServer } from '../test/support/test-server.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Speaks two sentences; the second one takes `delay` ms, by the clock that the server reads. */
async function speakLate(delay: number): Promise<string[]> {
  const now = performance.now.bind(performance)
  let ahead = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead)
  const at = await testServer({
    standIn: standIn({
      parts: {
        async predict(phonemes, options) {
          if (phonemes.includes('Second')) ahead += delay
          return predictLetters(phonemes, options)
        },
      },
    }),
  })
  const { status } = await request(at.server)
    .post('/v1/audio/speech')
    .send({ input: 'First of them. Second of them.', response_format: 'pcm' })
  expect(status).toBe(200)
  const lines = (await request(at.server).get('/metrics')).text.split('\n')
  await at.stop()
  return lines
}

const sample = (lines: string[], name: string): number =>
  Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])

test('audio that a listener had to wait for counts as underrun', async () => {
  const lines = await speakLate(60_000)
  expect(sample(lines, 'tts_underrun_seconds_count')).toBe(1)
  expect(sample(lines, 'tts_underrun_seconds_bucket{le="0"}')).toBe(0)
  // A minute less what was still to be heard of the first sentence.
  expect(sample(lines, 'tts_underrun_seconds_sum')).toBeGreaterThan(55)
  expect(sample(lines, 'tts_underrun_seconds_sum')).toBeLessThan(61)
})

test('audio in time is no underrun, and kernel, sparsity and batch sizes are told', async () => {
  const lines = await speakLate(0)
  expect(sample(lines, 'tts_underrun_seconds_count')).toBe(1)
  expect(sample(lines, 'tts_underrun_seconds_bucket{le="0"}')).toBe(1)
  expect(lines).toContain('tts_kernel_info{isa="stand-in",precision="int16",sparsity="0.800"} 1')
  expect(sample(lines, 'tts_batch_size_bucket{le="1"}')).toBe(sample(lines, 'tts_batch_size_count'))
  expect(sample(lines, 'tts_batch_size_count')).toBeGreaterThan(0)
})
