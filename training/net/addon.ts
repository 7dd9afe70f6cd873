/** The trainer's native addon (training/native), and the instruction set that this process trains with. */
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import { tryAddon } from 'sparsewave/internal/native-addon'
import { TRAINING_ROOT } from '../root.ts'

export interface TrainingAddon {
  run(
    sizes: Int32Array,
    offsets: Float64Array,
    parameters: Float32Array,
    masks: Uint16Array[],
    examples: Float32Array,
    frames: Float32Array,
    weights: Float32Array,
    state: Float32Array,
    gradient: Float32Array | null,
    scale: number,
    outputs: Float32Array | null,
  ): Promise<Float64Array>
  adam(
    parameters: Float32Array,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    average: Float32Array,
    options: Float64Array,
  ): number
  pack(flat: Float32Array, runs: Int32Array, factor: number, packed: Float32Array): void
  unpack(packed: Float32Array, runs: Int32Array, factor: number, flat: Float32Array): void
  product(sizes: Int32Array, weights: Float32Array, mask: Uint16Array, x: Float32Array, y: Float32Array): void
  isas(): { name: string; supported: boolean }[]
}

/** The addon; undefined when it was not built. */
export const findAddon = (): TrainingAddon | undefined => tryAddon<TrainingAddon>('train', TRAINING_ROOT).addon

/** The addon. Throws ENGINE_UNAVAILABLE when it was not built (no C++ compiler). */
export function requireAddon(): TrainingAddon {
  const { addon, error: cause } = tryAddon<TrainingAddon>('train', TRAINING_ROOT)
  if (addon) return addon
  throw new SparsewaveError('ENGINE_UNAVAILABLE', 'The native training engine is not built.', {
    remedy:
      'Install a C++17 compiler (g++ or clang++) and run `npm run build`, or set `engine: reference` (very slow).',
    cause,
  })
}

/** Names of the instruction sets this CPU can train with, fastest first. Throws ENGINE_UNAVAILABLE. */
export const nativeIsas = (): string[] =>
  requireAddon()
    .isas()
    .filter((i) => i.supported)
    .map((i) => i.name)

/** Index of the instruction set `wanted` (default SPARSEWAVE_TRAIN_ISA, else the fastest). Throws KERNEL_UNKNOWN, KERNEL_UNAVAILABLE. */
export function chooseIsa(wanted = process.env.SPARSEWAVE_TRAIN_ISA): number {
  const all = requireAddon().isas()
  if (!wanted) return all.findIndex((i) => i.supported)
  const index = all.findIndex((i) => i.name === wanted)
  if (index >= 0 && all[index]!.supported) return index
  const names = nativeIsas()
  const near = nearest(wanted, names)
  throw new SparsewaveError(
    index < 0 ? 'KERNEL_UNKNOWN' : 'KERNEL_UNAVAILABLE',
    `SPARSEWAVE_TRAIN_ISA is '${wanted}'; this CPU can run: ${names.join(', ')}.${index < 0 && near ? ` Did you mean '${near}'?` : ''}`,
    { remedy: 'Unset SPARSEWAVE_TRAIN_ISA to let sparsewave choose.' },
  )
}
