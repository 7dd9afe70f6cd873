import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { VoiceProject } from '../project.ts'
import { writeReport } from './index.ts'
import { encodePng } from './png.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'sparsewave-report-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('a picture is a valid PNG that holds its pixels', () => {
  const pixels = Uint8Array.from({ length: 6 }, (_, i) => 40 * i)
  const png = Buffer.from(encodePng(pixels, 3, 2))
  expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10])
  expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).toEqual([3, 2, 8, 0])
  const at = png.indexOf('IDAT')
  const data = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)))
  expect([...data]).toEqual([0, 0, 40, 80, 0, 120, 160, 200])
  // Of the empty chunk at the end the checksum is known.
  expect(png.subarray(-4).toString('hex')).toBe('ae426082')
})

test('the report names what was left out, and why, before what was used', () => {
  const project = new VoiceProject('ada', dir)
  project.saveSettings({
    name: 'ada',
    recordings: dir,
    language: 'en-US',
    speaker: 'Ada <King>',
    consent: 'my own voice',
    consentDate: '2026-01-02',
  })
  const signal = {
    seconds: 2,
    speech: 1.5,
    level: -20,
    peak: -3,
    noise: -70,
    snr: 50,
    clipped: 0,
    bandwidth: 11000,
    before: 0.2,
    after: 0.3,
  }
  const facts = { words: 2, symbols: 8, unknown: 0, common: 1, scripts: [], key: 'x' }
  const recording = (id: string, name: string) => ({
    id,
    name,
    text: 'Hello there.',
    sampleRate: 24000,
    seconds: 2,
    sha256: id,
    stamp: id,
  })
  const wav = encodeWav(Float32Array.from({ length: 48000 }, (_, i) => 0.2 * Math.sin(0.05 * i)))
  project.writeLines('import/recordings.jsonl', [
    recording('r0001', 'good.wav'),
    recording('r0002', 'bad.wav'),
    { name: 'broken.mp3', text: '', stamp: '', error: 'Cannot read broken.mp3.' },
  ])
  project.writeLines('import/unpaired.jsonl', [{ name: 'lone.wav', why: 'no text' }])
  project.writeLines('check/checked.jsonl', [
    { id: 'r0001', name: 'good.wav', text: 'Hello there.', signal, facts, findings: [] },
    {
      id: 'r0002',
      name: 'bad.wav',
      text: 'Good bye.',
      signal: { ...signal, snr: 9 },
      facts,
      findings: [{ fault: true, kind: 'noise', text: 'The noise is only 9 dB below the speech.' }],
    },
  ])
  for (const id of ['r0001', 'r0002']) project.writeBytes(`import/audio/${id}.wav`, wav)
  const summary = writeReport(project)
  expect(summary).toMatchObject({ recordings: 4, kept: 1, leftOut: 3 })
  const html = readFileSync(summary.file, 'utf8')
  expect(html).toContain('The noise is only 9 dB below the speech.')
  expect(html.indexOf('<tr id="r0002"')).toBeGreaterThan(0)
  expect(html.indexOf('<tr id="r0002"')).toBeLessThan(html.indexOf('<tr id="r0001"'))
  for (const text of [
    'broken.mp3',
    'lone.wav',
    'my own voice (recorded 2026-01-02)',
    'Ada &lt;King&gt;',
    'data:image/png;base64,',
  ])
    expect(html).toContain(text)
  expect(html).not.toContain('Ada <King>')
  // A dot a recording, which leads to its row.
  expect(html.match(/<a href="#r0002">/g)).toHaveLength(3)
})
