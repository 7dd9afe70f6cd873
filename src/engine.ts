/**
 * The one place that decides what computes. SPARSEWAVE_KERNEL and SPARSEWAVE_PRECISION, else the machine, give the vocoder's kernel. The
 * source-filter engine and the layers of the nets at frame rate follow from its backend and instruction set.
 */
import { chooseKernel, choosePrecision, type Isa, type Precision, type VocoderKernel } from './kernels/index.ts'
import { type Layers, nativeLayers, wasmLayers } from './layers/index.ts'
import { hasOnnxRuntime } from './onnx/runtime.ts'
import { definitionEngine, type EventEngine, nativeEngine } from './vocoder/source-filter/engines/index.ts'

/** A part of the engine: what it is, why (one clause for people), and a new instance, which the caller then owns. */
export interface EnginePart<T> {
  readonly name: string
  readonly why: string
  open(): T
}

export interface Engine {
  readonly kernel: VocoderKernel
  readonly kernelWhy: string
  readonly precision: Precision
  readonly precisionWhy: string
  readonly sourceFilter: EnginePart<EventEngine>
  /** Of the acoustic and the conditioning net. Opens null where onnxruntime is to run their graphs; it also runs what layers do not support. */
  readonly layers: EnginePart<Layers | null>
}

/** Instruction sets whose layers were measured to be faster than onnxruntime (docs/measurements/acoustic-model.md). */
const FASTER_THAN_ONNXRUNTIME: readonly Isa[] = ['avx512', 'avx2']

/** What computes here. Throws KERNEL_*, PRECISION_*. */
export function chooseEngine(): Engine {
  const { kernel, why: kernelWhy } = chooseKernel()
  const { precision, why: precisionWhy } = choosePrecision(kernel)
  return {
    kernel,
    kernelWhy,
    precision,
    precisionWhy,
    sourceFilter: sourceFilterOf(kernel),
    layers: layersOf(kernel),
  }
}

function sourceFilterOf({ isa }: VocoderKernel): EnginePart<EventEngine> {
  if (isa) return { name: `native-${isa}`, why: "the kernel's instruction set", open: () => nativeEngine(isa)! }
  return { name: 'typescript', why: 'the kernel is not native', open: definitionEngine }
}

function layersOf({ isa }: VocoderKernel): EnginePart<Layers | null> {
  const native = isa && { name: `native-${isa}`, open: () => nativeLayers(isa)! }
  if (native && FASTER_THAN_ONNXRUNTIME.includes(isa)) return { ...native, why: "the kernel's instruction set" }
  if (hasOnnxRuntime()) {
    const slower = isa ? `native-${isa}` : 'wasm'
    return { name: 'onnxruntime', why: `faster than the layers of ${slower}`, open: () => null }
  }
  if (native) return { ...native, why: 'onnxruntime-node is not installed' }
  return { name: 'wasm', why: 'onnxruntime-node is not installed', open: () => wasmLayers() ?? null }
}
