/**
 * The vocoder's kernels and the choice among them: SPARSEWAVE_KERNEL forces one, otherwise the fastest that this machine
 * can run is taken. A new kernel is a file and a line in CANDIDATES. What else computes follows from it: src/engine.ts.
 */
import { cpus } from 'node:os'
import { nearest, SparsewaveError } from '../errors.ts'
import { ISAS, type Isa } from './isas.ts'
import { type Backend, KERNELS, type KernelName, PRECISIONS, type Precision, type VocoderKernel } from './kernel.ts'
import { nativeFeatures, nativeIsas, nativeKernel } from './native.ts'
import { referenceKernel } from './reference.ts'
import { wasmKernel } from './wasm-file.ts'

export { ISAS, type Isa } from './isas.ts'
export type {
  Backend,
  FrameBlocks,
  KernelModel,
  KernelName,
  KernelStream,
  ModelOptions,
  Precision,
  StreamJob,
  TeacherForced,
  Temperature,
  VocoderKernel,
} from './kernel.ts'
export { KERNELS, NEUTRAL_TEMPERATURE, PANEL, PRECISIONS, STEP_PARTS } from './kernel.ts'

interface Candidate {
  readonly name: Exclude<KernelName, 'native'>
  readonly backend: Backend
  /** The kernel, or undefined where it cannot run. */
  open(): VocoderKernel | undefined
}

/** Fastest first. */
const CANDIDATES: readonly Candidate[] = [
  ...ISAS.map((isa) => ({ name: `native-${isa}`, backend: 'native', open: () => nativeKernel(isa) }) as const),
  { name: 'wasm', backend: 'wasm', open: () => wasmKernel() },
  { name: 'reference', backend: 'reference', open: () => referenceKernel },
]

export interface KernelChoice {
  readonly kernel: VocoderKernel
  /** One clause for people: why this one. */
  readonly why: string
}

/** All kernels that can run here, fastest first. */
export function availableKernels(): VocoderKernel[] {
  return CANDIDATES.flatMap((candidate) => candidate.open() ?? [])
}

/**
 * The kernel to use. `wanted` defaults to SPARSEWAVE_KERNEL; empty means free choice. Throws KERNEL_UNKNOWN when no kernel
 * has that name, KERNEL_UNAVAILABLE when this machine cannot run it.
 */
export function chooseKernel(wanted: string | undefined = process.env.SPARSEWAVE_KERNEL): KernelChoice {
  if (wanted) return { kernel: forced(wanted), why: `SPARSEWAVE_KERNEL is '${wanted}'` }
  const kernel = firstKernel(() => true)!
  if (kernel.backend === 'native') return { kernel, why: 'the fastest that this CPU has' }
  const lacking = nativeIsas().length === 0 ? 'the native kernels are not compiled' : 'no native kernel runs'
  return { kernel, why: kernel.backend === 'wasm' ? lacking : `${lacking} and the WebAssembly module is missing` }
}

export interface PrecisionChoice {
  readonly precision: Precision
  readonly why: string
}

/**
 * What `kernel` makes its products in. `wanted` defaults to SPARSEWAVE_PRECISION; empty means the fastest that it has: none costs a voice more than .01 bit a
 * sample (docs/measurements/kernels.md). Throws PRECISION_UNKNOWN when there is none of that name, PRECISION_UNAVAILABLE when the kernel lacks it.
 */
export function choosePrecision(
  kernel: VocoderKernel,
  wanted: string | undefined = process.env.SPARSEWAVE_PRECISION,
): PrecisionChoice {
  const { name, precisions } = kernel
  if (!wanted) return { precision: precisions[0]!, why: `the fastest that ${name} has` }
  const precision = PRECISIONS.find((p) => p === wanted)
  if (!precision)
    throw new SparsewaveError(
      'PRECISION_UNKNOWN',
      `There is no precision '${wanted}'; there are: ${PRECISIONS.join(', ')}.`,
    )
  if (!precisions.includes(precision))
    throw new SparsewaveError(
      'PRECISION_UNAVAILABLE',
      `The kernel '${name}' has no precision '${wanted}' here; it has: ${precisions.join(', ')}.`,
    )
  return { precision, why: `SPARSEWAVE_PRECISION is '${wanted}'` }
}

/** The fastest kernel that runs here among the candidates that fit; the others are not loaded. */
function firstKernel(fits: (candidate: Candidate) => boolean): VocoderKernel | undefined {
  for (const candidate of CANDIDATES) {
    const kernel = fits(candidate) ? candidate.open() : undefined
    if (kernel) return kernel
  }
  return undefined
}

function forced(wanted: string): VocoderKernel {
  if (!(KERNELS as readonly string[]).includes(wanted)) {
    const near = nearest(wanted, KERNELS)
    throw new SparsewaveError(
      'KERNEL_UNKNOWN',
      `There is no kernel '${wanted}'; there are: ${KERNELS.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
    )
  }
  const fits = ({ name, backend }: Candidate) => (wanted === 'native' ? backend === 'native' : name === wanted)
  const kernel = firstKernel(fits)
  if (kernel) return kernel
  const names = availableKernels().map((k) => k.name)
  const unbuilt = CANDIDATES.some((c) => fits(c) && c.backend === 'native') && nativeIsas().length === 0
  throw new SparsewaveError(
    'KERNEL_UNAVAILABLE',
    `The kernel '${wanted}' cannot run here: ${
      unbuilt ? 'the native addon is not built' : wanted === 'wasm' ? 'its module is not built' : 'this CPU lacks it'
    }. Available: ${names.join(', ')}.`,
    unbuilt
      ? { remedy: 'Install a C++17 compiler and start sparsewave again, or unset SPARSEWAVE_KERNEL.' }
      : undefined,
  )
}

export interface CpuReport {
  readonly model: string
  /** Logical processors. */
  readonly count: number
  readonly arch: string
  /** Vector extensions that the CPU has and the system allows; empty when the native addon is not built. */
  readonly features: readonly string[]
  /** The addon's instruction sets, fastest first. */
  readonly isas: readonly { readonly name: Isa; readonly supported: boolean }[]
}

/** What the machine offers the kernels. */
export function detectCpu(): CpuReport {
  const all = cpus()
  return {
    model: all[0]?.model.trim() || 'unknown',
    count: all.length,
    arch: process.arch,
    features: nativeFeatures(),
    isas: nativeIsas(),
  }
}
