/**
 * WAV files: any common encoding is read, mono 16-bit PCM is written. A stream's header is written before its length
 * is known, with the sizes 0xFFFFFFFF that players take as "until the end".
 */
import { readFileSync } from 'node:fs'
import wavefile from 'wavefile'
import { SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import { toPcm16Bytes } from './pcm.ts'

export interface Audio {
  /** Hz. */
  readonly sampleRate: number
  /** Mono, -1..1. */
  readonly samples: Float32Array
}

const HEADER_BYTES = 44

/**
 * Reads a WAV file (path or bytes): 8 to 32-bit integer, 32 and 64-bit float, A-law and mu-law. Channels are averaged.
 * Any sample rate is returned as it is: callers that need 24 kHz use `requireRate`. Throws AUDIO_INVALID.
 */
export function readWav(source: string | Uint8Array): Audio {
  const name = typeof source === 'string' ? source : 'the WAV data'
  try {
    const bytes = typeof source === 'string' ? readFileSync(source) : source
    const plain = readPlain(bytes)
    if (plain) return plain
    const wav = new wavefile.WaveFile(bytes)
    if (wav.bitDepth === '8a') wav.fromALaw()
    if (wav.bitDepth === '8m') wav.fromMuLaw()
    if (wav.bitDepth === '4') wav.fromIMAADPCM()
    wav.toBitDepth('32f')
    const format = wav.fmt as { sampleRate: number; numChannels: number }
    const interleaved = wav.getSamples(true, Float32Array) as unknown as Float32Array
    const channels = format.numChannels
    if (!(channels >= 1) || !(format.sampleRate > 0)) throw new Error('no channels or no sample rate')
    const count = Math.floor(interleaved.length / channels)
    const samples = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      let sum = 0
      for (let c = 0; c < channels; c++) sum += interleaved[i * channels + c]!
      samples[i] = sum / channels
    }
    return { sampleRate: format.sampleRate, samples }
  } catch (cause) {
    throw new SparsewaveError('AUDIO_INVALID', `Cannot read ${name} as WAV: ${reason(cause)}`, { cause })
  }
}

/**
 * The common encodings, integers of 16 or 24 bits and floats of 32, a hundred times as fast as the package reads them; undefined for all else and for
 * whatever is not as it should be.
 */
function readPlain(bytes: Uint8Array): Audio | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tag = (at: number) => (at + 4 <= bytes.length ? view.getUint32(at, false) : 0)
  if (tag(0) !== RIFF || tag(8) !== WAVE) return undefined
  let format: { channels: number; rate: number; width: number; at(p: number): number } | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    if (tag(at) === FMT && size >= 16 && start + size <= bytes.length) {
      const code = view.getUint16(start, true)
      // Of the extensible format the code proper is the first of its GUID.
      const encoding = code === 0xfffe && size >= 26 ? view.getUint16(start + 24, true) : code
      const at = READERS[`${encoding}/${view.getUint16(start + 14, true)}`]?.(view)
      const [channels, rate] = [view.getUint16(start + 2, true), view.getUint32(start + 4, true)]
      if (!at || channels < 1 || rate < 1) return undefined
      format = { channels, rate, width: view.getUint16(start + 14, true) / 8, at }
    } else if (tag(at) === DATA) {
      if (!format) return undefined
      const { channels, width, at: read } = format
      // A stream's header says 0xFFFFFFFF: until the end.
      const count = Math.floor(Math.min(size, bytes.length - start) / (width * channels))
      const samples = new Float32Array(count)
      for (let i = 0, p = start; i < count; i++) {
        let sum = 0
        for (let c = 0; c < channels; c++, p += width) sum += read(p)
        samples[i] = sum / channels
      }
      return { sampleRate: format.rate, samples }
    }
    at = start + size + (size & 1)
  }
  return undefined
}

/** An integer of so many bits to -1..1, as the package gives it: below 0 there is one step more than above. */
const unit = (value: number, bits: number): number => value / (2 ** (bits - 1) - (value > 0 ? 1 : 0))

/** A sample at a byte, by encoding and bits. */
const READERS: Readonly<Record<string, (view: DataView) => (p: number) => number>> = {
  '1/16': (view) => (p) => unit(view.getInt16(p, true), 16),
  '1/24': (view) => (p) => unit(view.getUint8(p) | (view.getInt16(p + 1, true) << 8), 24),
  '3/32': (view) => (p) => view.getFloat32(p, true),
}

// Tags of chunks, big-endian.
const RIFF = 0x52494646
const WAVE = 0x57415645
const FMT = 0x666d7420
const DATA = 0x64617461

/** The samples of `audio` if it is at 24 kHz. Throws AUDIO_INVALID naming `name` otherwise. */
export function requireRate(audio: Audio, name: string): Float32Array {
  if (audio.sampleRate !== SAMPLE_RATE)
    throw new SparsewaveError(
      'AUDIO_INVALID',
      `${name} has ${audio.sampleRate} samples per second instead of ${SAMPLE_RATE}.`,
    )
  return audio.samples
}

/** A whole WAV file: mono, 16 bit. */
export function encodeWav(samples: Float32Array, sampleRate: number = SAMPLE_RATE): Uint8Array {
  const data = toPcm16Bytes(samples)
  const bytes = new Uint8Array(HEADER_BYTES + data.length)
  bytes.set(wavHeader(data.length, sampleRate))
  bytes.set(data, HEADER_BYTES)
  return bytes
}

/** Sizes of a stream whose length is not known. Players take it as "until the end". */
const UNKNOWN = 0xffffffff

/** The 44 bytes before the samples of a mono 16-bit WAV; `dataBytes` undefined = length unknown (a stream). */
export function wavHeader(dataBytes?: number, sampleRate: number = SAMPLE_RATE): Uint8Array {
  const fmt = chunk('fmt ', 16)
  format(fmt, 1, 2, sampleRate)
  return riff([fmt], dataBytes)
}

/** The 58 bytes before the bytes of a mono WAV in A-law (6) or mu-law (7), one byte a sample. */
export function companded(code: 6 | 7, dataBytes: number | undefined, sampleRate: number): Uint8Array {
  // Formats other than PCM have a longer description, and the number of samples in a chunk of its own.
  const fmt = chunk('fmt ', 18)
  format(fmt, code, 1, sampleRate)
  const fact = chunk('fact', 4)
  new DataView(fact.buffer).setUint32(8, dataBytes ?? UNKNOWN, true)
  return riff([fmt, fact], dataBytes)
}

function format(fmt: Uint8Array, code: number, bytesASample: number, sampleRate: number): void {
  const view = new DataView(fmt.buffer)
  view.setUint16(8, code, true)
  view.setUint16(10, 1, true)
  view.setUint32(12, sampleRate, true)
  view.setUint32(16, sampleRate * bytesASample, true)
  view.setUint16(20, bytesASample, true)
  view.setUint16(22, 8 * bytesASample, true)
}

/** A chunk of so many bytes, zero after its tag and size. */
function chunk(tag: string, size: number): Uint8Array {
  const bytes = new Uint8Array(8 + size)
  for (let i = 0; i < 4; i++) bytes[i] = tag.charCodeAt(i)
  new DataView(bytes.buffer).setUint32(4, size, true)
  return bytes
}

/** The head of a file with these chunks before its data. */
function riff(chunks: readonly Uint8Array[], dataBytes: number | undefined): Uint8Array {
  const head = chunk('RIFF', 4)
  head.set([0x57, 0x41, 0x56, 0x45], 8)
  const data = chunk('data', 0)
  const bytes = new Uint8Array([...head, ...chunks.flatMap((piece) => [...piece]), ...data])
  const view = new DataView(bytes.buffer)
  view.setUint32(4, dataBytes === undefined ? UNKNOWN : bytes.length - 8 + dataBytes + (dataBytes % 2), true)
  view.setUint32(bytes.length - 4, dataBytes ?? UNKNOWN, true)
  return bytes
}

// The package throws strings in places.
const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
