/** The audio of a corpus's utterances. */
import { readWav, requireRate } from 'sparsewave/internal/audio/wav'
import { alter } from './augment.ts'
import type { Utterance } from './corpus.ts'
import { readOpus } from './opus.ts'

/** Decodes an utterance's audio: 24 kHz mono, -1..1, cut or padded to its `samples`, and altered. Throws AUDIO_INVALID. */
export async function readUtterance(utterance: Utterance): Promise<Float32Array> {
  const { alteration } = utterance
  if (alteration) return alter(await decode(utterance.audio, utterance.decoded), alteration)
  return decode(utterance.audio, utterance.samples)
}

async function decode(audio: string, samples: number | undefined): Promise<Float32Array> {
  if (/\.(opus|ogg)$/i.test(audio)) return readOpus(audio, samples)
  const read = requireRate(readWav(audio), audio)
  if (samples === undefined || samples === read.length) return read
  const exact = new Float32Array(samples)
  exact.set(read.subarray(0, samples))
  return exact
}
