/**
 * Recordings of any common format to 24 kHz mono. One format is one line of the registry; what it does not name goes to the system's
 * ffmpeg, since npm has no decoder of AAC under a permissive licence.
 */
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { FLACDecoder } from '@wasm-audio-decoders/flac'
import { MPEGDecoder } from 'mpg123-decoder'
import { Resampler } from 'sparsewave/internal/audio/resample'
import { readWav } from 'sparsewave/internal/audio/wav'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { readOpus } from '../../data/opus.ts'

export interface Decoded {
  /** 24 kHz mono. */
  readonly samples: Float32Array
  /** Hz of the file. Opus decodes at 24 kHz whatever went in. */
  readonly sampleRate: number
}

interface Pcm {
  /** One array a channel, or one of the mean. */
  readonly channels: readonly Float32Array[]
  readonly sampleRate: number
}

type Decoder = (bytes: Uint8Array, name: string) => Promise<Pcm>

const DECODERS: Readonly<Record<string, Decoder>> = {
  '.wav': wav,
  '.flac': flac,
  '.mp3': mp3,
  '.opus': opus,
  '.ogg': opus,
}

/** Endings of files that `voice` takes for recordings. */
export const AUDIO_ENDINGS: readonly string[] = [
  ...Object.keys(DECODERS),
  '.m4a',
  '.mp4',
  '.aac',
  '.aif',
  '.aiff',
  '.wma',
  '.webm',
]

/** Decodes a file to 24 kHz, the channels' mean. Throws AUDIO_INVALID. */
export async function decodeRecording(file: string): Promise<Decoded> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw invalid(file, `it cannot be opened (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  if (bytes.length === 0) throw invalid(file, 'it is empty')
  const decode = DECODERS[path.extname(file).toLowerCase()] ?? ffmpeg
  const { channels, sampleRate } = await decode(bytes, file)
  const mono = mix(channels)
  if (mono.length === 0) throw invalid(file, 'there is no audio in it')
  if (!mono.every(Number.isFinite)) throw invalid(file, 'it has samples that are no numbers')
  return { samples: resample(mono, sampleRate), sampleRate }
}

/** Samples at 24 kHz. What is above the lower of both Nyquist frequencies is filtered out. */
export function resample(samples: Float32Array, from: number): Float32Array {
  if (from === SAMPLE_RATE) return samples
  const resampler = new Resampler(from, SAMPLE_RATE)
  const [body, rest] = [resampler.push(samples), resampler.end()]
  const out = new Float32Array(body.length + rest.length)
  out.set(body)
  out.set(rest, body.length)
  return out
}

function mix(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels
  if (!first || others.length === 0) return first ?? new Float32Array(0)
  const out = Float32Array.from(first)
  for (const channel of others) for (let i = 0; i < out.length; i++) out[i]! += channel[i] ?? 0
  for (let i = 0; i < out.length; i++) out[i]! /= channels.length
  return out
}

const invalid = (name: string, why: string, cause?: unknown): SparsewaveError =>
  new SparsewaveError('AUDIO_INVALID', `Cannot read ${name}: ${why}.`, {
    remedy: 'Replace the file by a WAV, FLAC, MP3 or Opus file, or leave it out.',
    cause,
  })

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause))

async function wav(bytes: Uint8Array, name: string): Promise<Pcm> {
  try {
    const { samples, sampleRate } = readWav(bytes)
    return { channels: [samples], sampleRate }
  } catch (cause) {
    throw invalid(name, reason(cause), cause)
  }
}

async function flac(bytes: Uint8Array, name: string): Promise<Pcm> {
  const decoder = new FLACDecoder()
  try {
    await decoder.ready
    const { channelData, sampleRate, errors } = await decoder.decodeFile(bytes)
    if (errors.length > 0) throw new Error(errors[0]!.message)
    return { channels: channelData, sampleRate }
  } catch (cause) {
    throw invalid(name, `it is not whole as FLAC (${reason(cause)})`, cause)
  } finally {
    decoder.free()
  }
}

async function mp3(bytes: Uint8Array, name: string): Promise<Pcm> {
  const decoder = new MPEGDecoder()
  try {
    await decoder.ready
    const { channelData, sampleRate } = decoder.decode(bytes)
    return { channels: channelData, sampleRate }
  } catch (cause) {
    throw invalid(name, `it is not whole as MP3 (${reason(cause)})`, cause)
  } finally {
    decoder.free()
  }
}

async function opus(bytes: Uint8Array, name: string): Promise<Pcm> {
  // Ogg may hold Vorbis, which ffmpeg reads.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).includes('OpusHead'))
    return ffmpeg(bytes, name)
  return { channels: [await readOpus(bytes)], sampleRate: SAMPLE_RATE }
}

/** Everything else, by the program ffmpeg or the one that SPARSEWAVE_FFMPEG names. It gives 24 kHz mono. */
async function ffmpeg(_bytes: Uint8Array, name: string): Promise<Pcm> {
  const program = process.env.SPARSEWAVE_FFMPEG || 'ffmpeg'
  const { error, status, stdout, stderr } = spawnSync(
    program,
    // The file itself: an MP4's index may stand at its end.
    ['-v', 'error', '-nostdin', '-i', name, '-f', 'f32le', '-ac', '1', '-ar', String(SAMPLE_RATE), 'pipe:1'],
    { maxBuffer: 1 << 30 },
  )
  if (error)
    throw new SparsewaveError(
      'AUDIO_INVALID',
      `Cannot read ${name}: that needs the program ${program}, which is not there.`,
      {
        remedy: 'Install ffmpeg, or convert the file to WAV, FLAC, MP3 or Opus.',
        cause: error,
      },
    )
  if (status !== 0) throw invalid(name, `ffmpeg says: ${String(stderr).trim().split('\n').at(-1)}`)
  const samples = new Float32Array(stdout.length >> 2)
  for (let i = 0; i < samples.length; i++) samples[i] = stdout.readFloatLE(4 * i)
  return { channels: [samples], sampleRate: SAMPLE_RATE }
}
