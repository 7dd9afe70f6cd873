/**
 * Checkpoints of a run: everything an exact resume needs, in one safetensors file that is complete or absent (written
 * aside, synced, renamed). The one before is kept, in case the newest cannot be read.
 */
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { type NetConfig, netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { decodeSafetensors, encodeSafetensors } from 'sparsewave/internal/vocoder/sparse-wavernn/safetensors'
import { newestCheckpoint, readSealed, saveCheckpoint, UNSEALED } from '../../net/checkpoint-files.ts'
import type { MaskState } from '../../net/mask.ts'
import type { BatchState, Normalization } from './batches.ts'

export interface Checkpoint {
  readonly net: NetConfig
  /** Updates done. */
  readonly update: number
  /** Adam steps done, less than `update` after skipped updates. */
  readonly adamStep: number
  /** Factor on the learning rate, lowered after a divergence. */
  readonly rateScale: number
  /** The log's moving average of the loss; undefined before the first update. */
  readonly smoothed?: number | undefined
  /** Cost so far: seconds of audio trained on, wall seconds. */
  readonly audioSeconds: number
  readonly wallSeconds: number
  /** Multiply-accumulates so far, 1e9; absent in checkpoints of older versions. */
  readonly gmacs?: number | undefined
  readonly maskMethod: string
  readonly maskOptions?: object | undefined
  readonly batches: BatchState
  readonly normalization: Normalization
  readonly parameters: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  readonly average: Float32Array
  /** [groups, H, 16] GRU state, the mean of the members'. */
  readonly state: Float32Array
  /** State of the mask method. */
  readonly masks: MaskState
}

const FORMAT = 'sparsewave-checkpoint-2'
/** Written before checkpoints had checksums. */
const UNSEALED_FORMAT = 'sparsewave-checkpoint-1'

const FLOATS = ['parameters', 'first', 'second', 'average', 'state'] as const

/** Writes `run`/checkpoint.safetensors; the one that was there becomes checkpoint.previous.safetensors. */
export function writeCheckpoint(run: string, c: Checkpoint): void {
  const { net, update, adamStep, rateScale, smoothed, audioSeconds, wallSeconds, maskMethod, batches } = c
  const { gmacs, maskOptions } = c
  const progress = {
    net,
    update,
    adamStep,
    rateScale,
    smoothed,
    audioSeconds,
    wallSeconds,
    maskMethod,
    batches,
    gmacs,
    maskOptions,
  }
  const bytes = encodeSafetensors(
    [
      ...FLOATS.map((name) => ({ name, dtype: 'F32' as const, shape: [c[name].length], data: c[name] })),
      ...(['mean', 'std'] as const).map((name) => {
        const data = c.normalization[name]
        return { name: `normalization.${name}`, dtype: 'F32' as const, shape: [data.length], data }
      }),
      ...Object.entries(c.masks).map(([name, data]) => ({
        name: `mask.${name}`,
        dtype: data instanceof Float32Array ? ('F32' as const) : ('U16' as const),
        shape: [data.length],
        data,
      })),
    ],
    {
      format: FORMAT,
      sha256: UNSEALED,
      progress: JSON.stringify(progress),
    },
  )
  saveCheckpoint(run, bytes)
}

/** The newest readable checkpoint of a run; undefined when it has none. Throws CHECKPOINT_INVALID when none can be read, of the newest. */
export const readNewestCheckpoint = (run: string): Checkpoint | undefined => newestCheckpoint(run, readCheckpoint)

/** Reads one checkpoint file. Throws CHECKPOINT_INVALID. */
export function readCheckpoint(file: string): Checkpoint {
  const fail = (why: string, cause?: unknown) =>
    new SparsewaveError('CHECKPOINT_INVALID', `${file}: ${why}.`, { cause })
  let sealed: ReturnType<typeof readSealed>
  try {
    sealed = readSealed(file)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw fail(code ? `cannot be read (${code})` : message, cause)
  }
  try {
    const { tensors, metadata } = decodeSafetensors(sealed.bytes, path.basename(file))
    if (metadata.format !== FORMAT && metadata.format !== UNSEALED_FORMAT)
      throw new Error('it is not a checkpoint of this version')
    if (metadata.format === FORMAT && !sealed.isSealed) throw new Error('its checksum is missing')
    const progress = JSON.parse(metadata.progress!) as Omit<Checkpoint, 'net'> & { net: unknown }
    const floats = (name: string): Float32Array => {
      const data = tensors.get(name)?.data
      if (!(data instanceof Float32Array)) throw new Error(`the tensor ${name} is missing`)
      return data
    }
    const masks: MaskState = {}
    for (const [name, tensor] of tensors) {
      if (name.startsWith('mask.')) masks[name.slice('mask.'.length)] = tensor.data as Uint16Array | Float32Array
    }
    return {
      ...progress,
      net: netConfigSchema.parse(progress.net),
      normalization: { mean: floats('normalization.mean'), std: floats('normalization.std') },
      parameters: floats('parameters'),
      first: floats('first'),
      second: floats('second'),
      average: floats('average'),
      state: floats('state'),
      masks,
    }
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause), cause)
  }
}
