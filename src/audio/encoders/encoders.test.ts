import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { FLACDecoder } from '@wasm-audio-decoders/flac'
import { MPEGDecoder } from 'mpg123-decoder'
import { afterEach, expect, test } from 'vitest'
import { readOpus } from '../../../training/data/opus.ts'
import { Random } from '../../random.ts'
import { toPcm16, toPcm16Bytes } from '../pcm.ts'
import { readWav } from '../wav.ts'
import { aac } from './aac.ts'
import { aLaw, muLaw } from './g711.ts'
import { type EncodingName, type Output, openEncoder, requireFormat } from './index.ts'

const RATE = 24000
const LENGTH = 30011

/** A swept tone that fades, -1..1. */
const tone = (rate = RATE, length = LENGTH): Float32Array =>
  Float32Array.from({ length }, (_, i) => {
    const t = i / rate
    return 0.4 * Math.exp(-t) * Math.sin(2 * Math.PI * (300 + 200 * t) * t)
  })

async function encode(
  output: Output,
  sizes: number | readonly number[] = 960,
  samples = tone(),
): Promise<Uint8Array[]> {
  const encoder = await openEncoder(output, samples.length)
  const pieces: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < samples.length; i++) {
    const size = typeof sizes === 'number' ? sizes : sizes[i % sizes.length]!
    pieces.push(await encoder.encode(samples.subarray(at, at + size)))
    at += size
  }
  pieces.push(await encoder.finish())
  encoder.close()
  encoder.close()
  return pieces
}

const decoders: Partial<Record<EncodingName, (bytes: Uint8Array) => Promise<Float32Array>>> = {
  opus: (bytes) => readOpus(bytes),
  wav: async (bytes) => readWav(bytes).samples,
  async mp3(bytes) {
    const decoder = new MPEGDecoder()
    await decoder.ready
    const { channelData, sampleRate } = decoder.decode(bytes)
    decoder.free()
    expect(sampleRate).toBe(RATE)
    return channelData[0]!
  },
  async flac(bytes) {
    const decoder = new FLACDecoder()
    await decoder.ready
    const { channelData, sampleRate, errors } = await decoder.decodeFile(bytes)
    decoder.free()
    expect({ sampleRate, errors }).toEqual({ sampleRate: RATE, errors: [] })
    return channelData[0]!
  },
  async aac(bytes) {
    const { stdout } = spawnSync('ffmpeg', ['-v', 'error', '-i', 'pipe:0', '-f', 's16le', '-ar', '24000', 'pipe:1'], {
      input: bytes,
    })
    return Float32Array.from({ length: stdout.length >> 1 }, (_, i) => stdout.readInt16LE(2 * i) / 32768)
  },
}

/** Correlation of the tone with the decoded audio at the delay, up to `most`, at which it is best. */
function likeness(decoded: Float32Array, most: number): number {
  const wanted = tone()
  let best = 0
  for (let delay = 0; delay <= most; delay++) {
    let ab = 0
    let aa = 0
    let bb = 0
    for (let i = 0; i < wanted.length; i += 3) {
      const b = decoded[i + delay] ?? 0
      ab += wanted[i]! * b
      aa += wanted[i]! ** 2
      bb += b * b
    }
    best = Math.max(best, ab / Math.sqrt(aa * bb))
  }
  return best
}

test.each([
  ['wav', 0, 0, 0.9999],
  ['flac', 0, 0, 0.9999],
  ['opus', 0, 0, 0.98],
  ['mp3', 3000, 3500, 0.99],
  ['aac', 3000, 4500, 0.99],
] as const)('%s decodes to what was encoded', async (format, delay, longer, alike) => {
  if (format === 'aac' && aac.missing!()) return
  const bytes = Buffer.concat(await encode({ format }))
  const decoded = await decoders[format]!(bytes)
  expect(decoded.length).toBeGreaterThanOrEqual(LENGTH)
  expect(decoded.length).toBeLessThanOrEqual(LENGTH + longer)
  expect(likeness(decoded, delay)).toBeGreaterThan(alike)
})

const seeded = new Random(7)
const swept = tone()
test.each([
  ['silence', (i: number) => (i < 4096 ? 0 : 0.1 * seeded.normal()), 5000],
  ['noise at full scale', () => 2 * seeded.uniform() - 1, 5000],
  ['a square wave', (i: number) => (i % 300 < 150 ? 1 : -1), 5000],
  ['a soft hiss', () => 1e-4 * seeded.normal(), 5000],
  ['a tone', (i: number) => swept[i % LENGTH]!, 5000],
])('flac keeps every sample of %s', async (_, sample, long) => {
  // This decoder loses a last frame of less than 14 bytes, libFLAC's too: lengths are such that there is none.
  for (const length of [1, 3, 1024, long]) {
    const samples = Float32Array.from({ length }, (_, i) => sample(i))
    const decoder = new FLACDecoder()
    await decoder.ready
    const { channelData } = await decoder.decodeFile(Buffer.concat(await encode({ format: 'flac' }, 960, samples)))
    decoder.free()
    // This decoder divides by 32767.
    expect(Int16Array.from(channelData[0]!, (v) => Math.round(v * 32767))).toEqual(toPcm16(samples))
  }
})

test('flac takes other rates, and blocks without end', async () => {
  const decoder = new FLACDecoder()
  await decoder.ready
  const long = Float32Array.from({ length: 2100 * 1024 }, (_, i) => (i % 9) / 9)
  for (const sampleRate of [12000, 48000] as const) {
    const { sampleRate: rate, errors } = await decoder.decodeFile(
      Buffer.concat(await encode({ format: 'flac', sampleRate }, 50_000, sampleRate === 12000 ? tone() : long)),
    )
    expect({ rate, errors }).toEqual({ rate: sampleRate, errors: [] })
    await decoder.reset()
  }
  decoder.free()
})

test.each(['mp3', 'opus', 'flac', 'wav', 'pcm'] as const)('%s comes while the audio is made', async (format) => {
  const pieces = await encode({ format })
  const early = pieces.slice(0, 8).reduce((n, piece) => n + piece.length, 0)
  expect(early).toBeGreaterThan(0)
  expect(early).toBeLessThan(pieces.reduce((n, piece) => n + piece.length, 0) / 2)
})

test.each(['mp3', 'flac', 'wav', 'pcm', 'mulaw'] as const)(
  '%s has the same bytes however the samples come',
  async (format) => {
    const whole = Buffer.concat(await encode({ format }, LENGTH))
    expect(Buffer.concat(await encode({ format }, [1, 700, 13, 2000])).equals(whole)).toBe(true)
  },
)

test('encoders of one thread do not disturb each other', async () => {
  for (const format of ['mp3', 'opus', 'flac'] as const) {
    const alone = Buffer.concat(await encode({ format }))
    const together = await Promise.all(Array.from({ length: 48 }, () => encode({ format })))
    for (const pieces of together) expect(Buffer.concat(pieces).equals(alone)).toBe(true)
  }
})

test.each([8000, 16000, 22050, 44100, 48000] as const)('audio can be written at %i Hz', async (sampleRate) => {
  const wav = readWav(Buffer.concat(await encode({ format: 'wav', sampleRate }, [1, 700, 13, 2000])))
  expect(wav.sampleRate).toBe(sampleRate)
  expect(wav.samples.length).toBe(Math.ceil((LENGTH * sampleRate) / RATE))
  const wanted = tone(sampleRate, wav.samples.length)
  let worst = 0
  for (let i = 200; i < wanted.length - 200; i++) worst = Math.max(worst, Math.abs(wav.samples[i]! - wanted[i]!))
  expect(worst).toBeLessThan(0.001)
})

test('an encoder that got nothing makes a valid file', async () => {
  expect(readWav(Buffer.concat(await encode({ format: 'wav' }, 1, new Float32Array(0)))).samples.length).toBe(0)
  expect((await readOpus(Buffer.concat(await encode({ format: 'opus' }, 1, Float32Array.of(0.5))))).length).toBe(1)
})

test('G.711 follows the standard', () => {
  expect([0, 1, -1, 1000, -1000, 32767, -32768].map(muLaw)).toEqual([0xff, 0xff, 0x7f, 0xce, 0x4e, 0x80, 0x00])
  expect([0, 8, -8, 1000, -1000, 32767, -32768].map(aLaw)).toEqual([0xd5, 0xd5, 0x55, 0xfa, 0x7a, 0xaa, 0x2a])
})

afterEach(() => {
  delete process.env.SPARSEWAVE_FFMPEG
})

test('aac without ffmpeg is refused with the formats there are', () => {
  process.env.SPARSEWAVE_FFMPEG = '/nowhere/ffmpeg'
  expect(() => requireFormat('aac')).toThrow(
    expect.objectContaining({
      code: 'FORMAT_UNAVAILABLE',
      message: expect.stringContaining('ffmpeg'),
      remedy: expect.stringContaining('mp3, opus, flac'),
    }),
  )
})

test('an instance that was left in the middle of a stream encodes the next one as a new instance would', async () => {
  const fresh = Buffer.concat(await encode({ format: 'mp3' }))
  const left = await openEncoder({ format: 'mp3', sampleRate: 48000, bitrate: 160_000 })
  await left.encode(tone(24000, 5000))
  left.close()
  expect(Buffer.concat(await encode({ format: 'mp3' })).equals(fresh)).toBe(true)
})

test('a short FLAC file names its length and the MD5 of its samples, a streamed one gets them afterwards', async () => {
  const samples = tone()
  const md5 = createHash('md5').update(toPcm16Bytes(samples)).digest('hex')
  const headOf = (bytes: Uint8Array) => {
    const view = Buffer.from(bytes)
    return { samples: view.readUInt32BE(22), md5: view.toString('hex', 26, 42) }
  }
  const file = await openEncoder({ format: 'flac' }, samples.length, 'file')
  expect(await file.encode(samples)).toHaveLength(0)
  expect(headOf(await file.finish())).toEqual({ samples: samples.length, md5 })
  expect(file.head!()).toBeUndefined()
  const stream = await openEncoder({ format: 'flac' })
  const first = await stream.encode(samples)
  expect(headOf(first)).toEqual({ samples: 0, md5: '0'.repeat(32) })
  await stream.finish()
  expect(headOf(stream.head!()!)).toEqual({ samples: samples.length, md5 })
})

test('WAV written to a file gets the sizes it could not know', async () => {
  const encoder = await openEncoder({ format: 'wav' })
  const bytes = Buffer.concat([await encoder.encode(tone()), await encoder.finish()])
  expect(bytes.readUInt32LE(40)).toBe(0xffffffff)
  bytes.set(encoder.head!()!)
  expect([bytes.readUInt32LE(4), bytes.readUInt32LE(40)]).toEqual([bytes.length - 8, bytes.length - 44])
})

test.each([24000, 44100, 8000] as const)(
  'mp3 at %i Hz is gapless: it gives as many samples as went in',
  async (sampleRate) => {
    const output = { format: 'mp3', sampleRate, bitrate: 48_000 } as const
    const decoded = async (bytes: Uint8Array): Promise<number> => {
      const decoder = new MPEGDecoder({ enableGapless: true })
      await decoder.ready
      const { samplesDecoded } = decoder.decode(bytes)
      decoder.free()
      return samplesDecoded
    }
    const expected = Math.ceil((LENGTH * sampleRate) / RATE)
    expect(await decoded(Buffer.concat(await encode(output)))).toBe(expected)
    // Without a length, the header that comes afterwards is as long and names it.
    const encoder = await openEncoder(output)
    const bytes = Buffer.concat([await encoder.encode(tone()), await encoder.finish()])
    expect(bytes.includes('Info')).toBe(true)
    bytes.set(encoder.head!()!)
    expect(await decoded(bytes)).toBe(expected)
    const part = await openEncoder(output, LENGTH, 'part')
    expect(Buffer.from(await part.encode(tone())).includes('Info')).toBe(false)
    part.close()
  },
)

test.each([
  ['wav-mulaw', muLaw, 7],
  ['wav-alaw', aLaw, 6],
] as const)('%s holds the codes, and their number', async (format, code, tag) => {
  const samples = tone().subarray(0, 4801)
  const encoder = await openEncoder({ format }, samples.length)
  const bytes = Buffer.concat([await encoder.encode(samples), await encoder.finish()])
  expect([bytes.readUInt16LE(20), bytes.readUInt32LE(46), bytes.readUInt32LE(54)]).toEqual([tag, 4801, 4801])
  expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8)
  expect([...bytes.subarray(58, 58 + 4801)]).toEqual([...toPcm16(samples)].map(code))
})
