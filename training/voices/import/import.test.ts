import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openEncoder } from 'sparsewave/internal/audio/encoders/index'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { Random } from 'sparsewave/internal/random'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { VoiceProject } from '../project.ts'
import { decodeRecording, resample } from './decode.ts'
import { importRecordings, readImportedAudio } from './index.ts'
import { findRecordings } from './transcripts.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'sparsewave-import-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

const put = (name: string, data: Uint8Array | string): string => {
  const file = path.join(dir, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, data)
  return file
}
const tone = (hz: number, rate: number, seconds = 0.5) =>
  Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate))
const db = (samples: Float32Array) =>
  10 * Math.log10(samples.reduce((sum, v) => sum + v * v, 0) / samples.length + 1e-20)
/** Level of the part of `samples` at a frequency, dB. */
const levelAt = (samples: Float32Array, hz: number) => {
  let [re, im] = [0, 0]
  samples.forEach((v, i) => {
    re += v * Math.cos((2 * Math.PI * hz * i) / 24000)
    im += v * Math.sin((2 * Math.PI * hz * i) / 24000)
  })
  return 10 * Math.log10((2 * (re * re + im * im)) / samples.length ** 2 + 1e-20)
}

test.each([8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])(
  'a tone recorded at %i Hz keeps its pitch and level',
  (rate) => {
    const out = resample(tone(1000, rate), rate).subarray(1000, -1000)
    expect(levelAt(out, 1000)).toBeCloseTo(db(tone(1000, 24000)), 1)
    expect(db(out)).toBeCloseTo(db(tone(1000, 24000)), 1)
  },
)

test('what 24 kHz cannot hold is filtered out, not folded back', () => {
  expect(db(resample(tone(15000, 48000), 48000).subarray(1000, -1000))).toBeLessThan(-60)
  // And a narrow band stays narrow: no images above its Nyquist frequency.
  expect(levelAt(resample(tone(3000, 8000), 8000), 5000)).toBeLessThan(-60)
})

test.each(['wav', 'flac', 'mp3', 'opus'] as const)('%s is decoded at 24 kHz', async (format) => {
  const encoder = await openEncoder({ format, sampleRate: 48000 })
  const parts = [await encoder.encode(tone(440, 24000, 1)), await encoder.finish()]
  const { samples } = await decodeRecording(put(`a.${format}`, Buffer.concat(parts)))
  expect(samples.length).toBeGreaterThan(23900)
  expect(samples.length).toBeLessThan(27500)
  expect(levelAt(samples.subarray(4000, 20000), 440)).toBeCloseTo(-9, 0)
})

test('channels are averaged', async () => {
  const mono = encodeWav(tone(300, 24000))
  const stereo = Buffer.alloc(44 + 2 * (mono.length - 44))
  stereo.set(mono.subarray(0, 44))
  stereo.writeUInt32LE(stereo.length - 8, 4)
  stereo.writeUInt16LE(2, 22)
  stereo.writeUInt16LE(4, 32)
  stereo.writeUInt32LE(stereo.length - 44, 40)
  // The right channel is silent.
  for (let i = 44; i < mono.length; i += 2) stereo.set(mono.subarray(i, i + 2), 44 + 2 * (i - 44))
  const { samples } = await decodeRecording(put('a.wav', stereo))
  expect(samples.length).toBe(12000)
  expect(levelAt(samples, 300)).toBeCloseTo(db(tone(300, 24000)) - 6, 0)
})

test('other formats go through ffmpeg, and where it is absent the remedy says so', async () => {
  vi.stubEnv('SPARSEWAVE_FFMPEG', path.join(dir, 'no-ffmpeg'))
  const file = put('a.m4a', 'not audio')
  await expect(decodeRecording(file)).rejects.toMatchObject({
    code: 'AUDIO_INVALID',
    remedy: expect.stringMatching(/ffmpeg/),
  })
  // A program that gives a second of silence, as ffmpeg would: raw floats.
  const program = put('ffmpeg', '#!/bin/sh\nhead -c 96000 /dev/zero\n')
  const { chmodSync } = await import('node:fs')
  chmodSync(program, 0o755)
  vi.stubEnv('SPARSEWAVE_FFMPEG', program)
  expect((await decodeRecording(file)).samples.length).toBe(24000)
})

test.each(['a.wav', 'a.flac', 'a.mp3', 'a.opus'])('a damaged %s is refused by name', async (name) => {
  vi.stubEnv('SPARSEWAVE_FFMPEG', path.join(dir, 'no-ffmpeg'))
  await expect(decodeRecording(put(name, Buffer.alloc(500, 7)))).rejects.toMatchObject({
    code: 'AUDIO_INVALID',
    message: expect.stringContaining(name),
  })
})

const audio = encodeWav(tone(200, 16000), 16000)
const texts = (folder = dir) =>
  Object.fromEntries(findRecordings(folder).sources.map((s) => [s.name.split(path.sep).join('/'), s.text]))

test.each([
  ['LJSpeech', 'a|Dr. No|Doctor No\nb|Two.|Two.', { 'wavs/a.wav': 'Doctor No', 'wavs/b.wav': 'Two.' }],
  ['Piper', 'a|One, two.\nb.wav|Three.', { 'wavs/a.wav': 'One, two.', 'wavs/b.wav': 'Three.' }],
  ['Piper with a speaker', 'a|ada|One.\nb|ada|Two.', { 'wavs/a.wav': 'One.', 'wavs/b.wav': 'Two.' }],
  [
    'Coqui',
    'audio_file|text|speaker_name\nwavs/a.wav|One.|ada\nwavs/b.wav|Two.|ada',
    { 'wavs/a.wav': 'One.', 'wavs/b.wav': 'Two.' },
  ],
  [
    'commas',
    'file,text\na.wav,"One, and ""two""."\nb.wav,Three.',
    { 'wavs/a.wav': 'One, and "two".', 'wavs/b.wav': 'Three.' },
  ],
])('metadata.csv in the columns of %s', (_, table, expected) => {
  put('wavs/a.wav', audio)
  put('wavs/b.wav', audio)
  put('metadata.csv', `\uFEFF${table}\r\n`)
  expect(texts()).toEqual(expected)
})

test('what has no partner is named, and nothing is dropped silently', () => {
  put('wavs/a.wav', audio)
  put('wavs/stray.wav', audio)
  put('metadata.csv', 'a|One.\nghost|Two.\na|Again.')
  const { sources, unpaired } = findRecordings(dir)
  expect(sources.map((s) => s.text)).toEqual(['One.'])
  expect(unpaired.map((u) => u.why)).toEqual([
    'line 2 of metadata.csv names a recording that is not there',
    'line 3 of metadata.csv names it a second time',
    'no line of metadata.csv names it',
  ])
})

test('texts beside the recordings, and one text for one recording', () => {
  put('a.wav', audio)
  put('a.txt', 'One\n  and two.\n')
  put('b.flac', 'x')
  const { sources, unpaired } = findRecordings(dir)
  expect(sources.map((s) => s.text)).toEqual(['One and two.'])
  expect(unpaired).toEqual([{ name: 'b.flac', why: 'no text: neither metadata.csv nor a .txt beside it' }])
  const other = path.join(dir, 'one')
  mkdirSync(other)
  writeFileSync(path.join(other, 'book.wav'), audio)
  writeFileSync(path.join(other, 'chapter.txt'), 'It was.')
  expect(texts(other)).toEqual({ 'book.wav': 'It was.' })
})

test('a table of two speakers and an empty folder are refused', () => {
  expect(() => findRecordings(dir)).toThrow(expect.objectContaining({ code: 'CORPUS_MISSING' }))
  put('a.wav', audio)
  put('metadata.csv', 'a|ada|One.\nb|bob|Two.\nc|ada|Three.\nd|bob|Four.\ne|bob|Five.\nf|ada|Six.')
  expect(() => findRecordings(dir)).toThrow(/2 speakers: ada, bob/)
})

test('a second import does what is new, tries failures again, and forgets what is gone', async () => {
  const source = path.join(dir, 'recordings')
  const noise = new Random(1)
  mkdirSync(source)
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(
      path.join(source, `${name}.wav`),
      encodeWav(
        Float32Array.from({ length: 9000 }, () => 0.1 * noise.normal()),
        16000,
      ),
    )
    writeFileSync(path.join(source, `${name}.txt`), name)
  }
  writeFileSync(path.join(source, 'c.wav'), 'broken')
  const project = new VoiceProject('ada', path.join(dir, 'voices'))
  project.saveSettings({ name: 'ada', recordings: source, language: 'en-US' })
  const context = { progress: () => {}, signal: new AbortController().signal }
  const first = await importRecordings(project, context)
  expect(first.recordings.map((r) => r.name)).toEqual(['a.wav', 'b.wav'])
  expect(first.leftOut).toEqual([{ name: 'c.wav', why: expect.stringMatching(/Cannot read .*c\.wav/) }])
  expect(readImportedAudio(project, 'r0001').length).toBe(13500)

  writeFileSync(path.join(source, 'c.wav'), audio)
  rmSync(path.join(source, 'a.wav'))
  const second = await importRecordings(project, context)
  expect(second.recordings.map((r) => [r.id, r.name])).toEqual([
    ['r0001', 'b.wav'],
    ['r0002', 'c.wav'],
  ])
  expect(second.leftOut).toEqual([{ name: 'a.txt', why: 'a text without a recording' }])
})
