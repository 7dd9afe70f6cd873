/**
 * A checkpoint from a shipped voice's acoustic.onnx: the inverse of the export, so that training can go on where only the package
 * is left. Matrices have the 11 bits they were stored with; Adam's moments and the place in the data start anew.
 */
import path from 'node:path'
import { NORMALIZATION_NAMES, SPEAKER_NAMES } from 'sparsewave/internal/acoustic/net/names'
import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { readOnnx } from 'sparsewave/internal/onnx/read-file'
import type { Checkpoint } from './checkpoint.ts'
import { acousticConfigSchema, ENVELOPE_POINTS } from './config.ts'
import { startOf } from './start.ts'

/** Reads acoustic.onnx of the voice in `folder`. Throws VOICE_DAMAGED, VOICE_MISMATCH. */
export function acousticOfVoice(folder: string): Checkpoint {
  const file = path.join(folder, 'acoustic.onnx')
  const { initializers, metadata } = readOnnx(file)
  const fail = (what: string, cause?: unknown) =>
    new SparsewaveError('VOICE_MISMATCH', `${file} ${what}, so training cannot go on from it.`, { cause })
  const values = (name: string, size: number): Float32Array => {
    const data = initializers[name]?.data
    if (data instanceof Float32Array && data.length === size) return data
    throw fail(`has no ${name} of ${size} values`)
  }
  let config: Checkpoint['config']
  try {
    config = acousticConfigSchema.parse(JSON.parse(metadata.config ?? ''))
  } catch (cause) {
    throw fail('does not say its configuration', cause)
  }
  const parameters = Object.fromEntries(
    parametersOf(config).map(({ name, shape }) => [
      name,
      values(
        name,
        shape.reduce((a, b) => a * b, 1),
      ),
    ]),
  )
  const count = config.speakers.length
  const scalar = (name: string) => values(name, 1)[0]!
  return startOf({
    config,
    parameters,
    normalization: {
      pitchMean: scalar(NORMALIZATION_NAMES.pitchMean),
      pitchSpread: scalar(NORMALIZATION_NAMES.pitchSpread),
      envelopeMean: values(NORMALIZATION_NAMES.envelopeMean, ENVELOPE_POINTS),
      speakerPitch: count > 0 ? Array.from(values(SPEAKER_NAMES.pitch, count)) : [],
      envelopeSpread: scalar(NORMALIZATION_NAMES.envelopeSpread),
    },
  })
}
