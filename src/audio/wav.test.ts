import { expect, test } from 'vitest'
import wavefile from 'wavefile'
import { SparsewaveError } from '../errors.ts'
import { encodeWav, readWav, requireRate, wavHeader } from './wav.ts'

const tone = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 0.5 * Math.sin(i * 0.1))

test('what is encoded is read back to within half a 16-bit step', () => {
  const samples = tone(1001)
  const audio = readWav(encodeWav(samples))
  expect(audio.sampleRate).toBe(24000)
  expect(audio.samples.length).toBe(1001)
  for (let i = 0; i < samples.length; i++) expect(Math.abs(audio.samples[i]! - samples[i]!)).toBeLessThan(4e-5)
})

test('stereo is averaged', () => {
  const wav = new wavefile.WaveFile()
  wav.fromScratch(2, 24000, '32f', [
    [0.5, -0.25, 1],
    [0.25, 0.25, 0],
  ])
  expect([...readWav(wav.toBuffer()).samples]).toEqual([0.375, 0, 0.5])
})

test('24-bit integers are scaled to -1..1', () => {
  const wav = new wavefile.WaveFile()
  wav.fromScratch(1, 24000, '24', [0, 4194304, -8388608])
  const { samples } = readWav(wav.toBuffer())
  expect(samples[1]).toBeCloseTo(0.5, 5)
  expect(samples[2]).toBeCloseTo(-1, 5)
})

test.each(['16', '24'])('integers of %s bits are what the package makes of them', (bits) => {
  const most = 2 ** (Number(bits) - 1)
  const wav = new wavefile.WaveFile()
  wav.fromScratch(1, 24000, bits, [most - 1, -most, 1, -1, 12345, -12345])
  const { samples } = readWav(wav.toBuffer())
  wav.toBitDepth('32f')
  expect([...samples]).toEqual([...(wav.getSamples(false, Float32Array) as unknown as Float32Array)])
})

test('another rate is refused where 24 kHz is needed', () => {
  const audio = readWav(encodeWav(tone(10), 16000))
  expect(audio.sampleRate).toBe(16000)
  expect(() => requireRate(audio, 'a.wav')).toThrow(/a\.wav has 16000/)
})

test('a missing file and bytes that are no WAV throw AUDIO_INVALID', () => {
  for (const source of [
    '/nonexistent/a.wav',
    new Uint8Array(100),
    new Uint8Array(0),
    encodeWav(tone(10)).subarray(0, 20),
  ]) {
    let error: unknown
    try {
      readWav(source)
    } catch (e) {
      error = e
    }
    expect(error).toBeInstanceOf(SparsewaveError)
    expect((error as SparsewaveError).code).toBe('AUDIO_INVALID')
  }
})

test('the header of a stream claims the largest sizes, that of a file the true ones', () => {
  const sizes = (h: Uint8Array): number[] => {
    const view = new DataView(h.buffer)
    return [h.length, view.getUint32(4, true), view.getUint32(40, true)]
  }
  expect(sizes(wavHeader())).toEqual([44, 0xffffffff, 0xffffffff])
  expect(sizes(wavHeader(100))).toEqual([44, 136, 100])
})

test('a recorded stream, header first, can be read back', () => {
  const file = encodeWav(tone(500))
  file.set(wavHeader(), 0)
  expect(readWav(file).samples.length).toBe(500)
})
