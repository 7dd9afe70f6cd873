import { expect, test } from 'vitest'
import { LogStream, type WriteFile } from './log-stream.ts'

/** A file whose writes end when the test says how. */
function slowFile() {
  const writes: { text: string; done: Parameters<WriteFile>[2] }[] = []
  const write: WriteFile = (_fd, bytes, done) => void writes.push({ text: bytes.toString(), done })
  return { writes, write }
}
const LINE = `${'x'.repeat(1023)}\n`

test('a reader that stalls costs lines, which are counted, and the log says so when it goes on', () => {
  const { writes, write } = slowFile()
  const log = new LogStream(1, (dropped) => `dropped ${dropped}\n`, write)
  for (let i = 0; i < 5000; i++) log.write(LINE)
  expect(writes).toHaveLength(1)
  // A mebibyte waits, the rest is gone.
  expect(log.dropped).toBeGreaterThan(3900)
  expect(log.dropped).toBeLessThan(4000)
  const before = log.dropped
  writes[0]!.done(null, Buffer.byteLength(writes[0]!.text))
  expect(writes[1]!.text).toContain(`dropped ${before}\n`)
  writes[1]!.done(null, Buffer.byteLength(writes[1]!.text))
  expect(writes[2]!.text).not.toContain('dropped')
})

test('a full disk ends nothing: its lines are counted as dropped', () => {
  const { writes, write } = slowFile()
  const log = new LogStream(1, undefined, write)
  log.write('one\n')
  writes[0]!.done(Object.assign(new Error('no space'), { code: 'ENOSPC' }), 0)
  expect(log.dropped).toBe(1)
  expect(() => log.write('two\n')).not.toThrow()
})

test('what a write leaves over is written next, and the end waits for all of it', async () => {
  const { writes, write } = slowFile()
  const log = new LogStream(1, undefined, write)
  log.write('a whole line\n')
  const end = log.end(60_000)
  writes[0]!.done(null, 2)
  expect(writes[1]!.text).toBe('whole line\n')
  writes[1]!.done(null, 11)
  await end
})
