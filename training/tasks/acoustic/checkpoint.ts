/**
 * Checkpoints of an acoustic run: everything an exact resume needs, in one safetensors file that is complete or absent
 * (written aside, synced, renamed). The one before is kept, in case the newest cannot be read.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { decodeSafetensors, encodeSafetensors } from 'sparsewave/internal/vocoder/sparse-wavernn/safetensors'
import type { ParameterValues } from '../../net/adam.ts'
import { newestCheckpoint, readSealed, saveCheckpoint, UNSEALED } from '../../net/checkpoint-files.ts'
import { type AcousticConfig, acousticConfigSchema } from './config.ts'
import type { Normalization } from './example.ts'

export interface Checkpoint {
  readonly config: AcousticConfig
  /** Updates done. */
  readonly update: number
  /** Place in the data: the epoch, and batches done of it. */
  readonly epoch: number
  readonly batch: number
  /** Factor on the learning rate, lowered after a divergence. */
  readonly rateScale: number
  /** Moving average of the loss; absent before the first update and in checkpoints of older versions. */
  readonly smoothed?: number | undefined
  /** Seconds of audio trained on; wall seconds. */
  readonly audioSeconds: number
  readonly wallSeconds: number
  readonly normalization: Normalization
  readonly parameters: ParameterValues
  /** Adam's moments. */
  readonly first: ParameterValues
  readonly second: ParameterValues
  /** Moving average of the parameters: what is exported. */
  readonly average: ParameterValues
}

const FORMAT = 'sparsewave-acoustic-checkpoint-2'
/** Written before checkpoints had checksums. */
const UNSEALED_FORMAT = 'sparsewave-acoustic-checkpoint-1'
const GROUPS = ['parameters', 'first', 'second', 'average'] as const

/** Writes `run`/checkpoint.safetensors; the one that was there becomes checkpoint.previous.safetensors. */
export function writeCheckpoint(run: string, checkpoint: Checkpoint): void {
  const { config, update, epoch, batch, rateScale, smoothed, audioSeconds, wallSeconds } = checkpoint
  const { normalization } = checkpoint
  const { pitchMean, pitchSpread, envelopeSpread, speakerPitch } = normalization
  const tensor = (name: string, data: Float32Array) => ({ name, dtype: 'F32' as const, shape: [data.length], data })
  const bytes = encodeSafetensors(
    [
      ...GROUPS.flatMap((group) =>
        Object.entries(checkpoint[group]).map(([name, data]) => tensor(`${group}.${name}`, data)),
      ),
      tensor('normalization.envelopeMean', normalization.envelopeMean),
    ],
    {
      format: FORMAT,
      sha256: UNSEALED,
      progress: JSON.stringify({ config, update, epoch, batch, rateScale, smoothed, audioSeconds, wallSeconds }),
      normalization: JSON.stringify({ pitchMean, pitchSpread, envelopeSpread, speakerPitch }),
    },
  )
  saveCheckpoint(run, bytes)
}

/** Reads a checkpoint file. Throws CHECKPOINT_INVALID. */
export function readCheckpoint(file: string): Checkpoint {
  try {
    const { bytes, isSealed } = readSealed(file)
    const { tensors, metadata } = decodeSafetensors(bytes, file)
    if (metadata.format !== FORMAT && metadata.format !== UNSEALED_FORMAT)
      throw new Error('it is not a checkpoint of the acoustic model')
    if (metadata.format === FORMAT && !isSealed) throw new Error('its checksum is missing')
    const { config, ...progress } = JSON.parse(metadata.progress!)
    const values = (group: string): ParameterValues => {
      const prefix = `${group}.`
      return Object.fromEntries(
        [...tensors]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, { data }]) => [name.slice(prefix.length), data as Float32Array]),
      )
    }
    return {
      ...progress,
      config: acousticConfigSchema.parse(config),
      // Checkpoints of older versions are of one voice.
      normalization: {
        speakerPitch: [],
        ...JSON.parse(metadata.normalization!),
        ...values('normalization'),
      } as Normalization,
      ...(Object.fromEntries(GROUPS.map((group) => [group, values(group)])) as Record<
        (typeof GROUPS)[number],
        ParameterValues
      >),
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SparsewaveError('CHECKPOINT_INVALID', `Cannot read the checkpoint ${file}: ${why.replace(/\.$/, '')}.`, {
      cause,
    })
  }
}

/** The newest readable checkpoint of a run; undefined when it has none. Throws CHECKPOINT_INVALID when none can be read. */
export const readNewestCheckpoint = (run: string): Checkpoint | undefined => newestCheckpoint(run, readCheckpoint)
