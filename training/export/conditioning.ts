/**
 * conditioning.onnx from a trainer's parameters: everything that runs at frame rate, the normalisation of features inside.
 *
 *     frames [N, 66] -> gates [N - 2, 3H], order reset, update, candidate; N >= 3
 */
import { FRAME_FEATURES } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type ParameterLayout, segment } from '../net/vocoder-layout.ts'
import { encodeOnnx, OnnxBuilder } from './onnx.ts'
import { checkParameters, denseRows } from './vocoder.ts'

/** Beyond every length: Slice cuts its ends to the tensor. */
const TO_THE_END = Number.MAX_SAFE_INTEGER

/**
 * The bytes of conditioning.onnx. Features enter as `writeFrameFeatures` writes them and are normalised inside,
 * (x - mean) / std each. Throws CHECKPOINT_INVALID.
 */
export function exportConditioning(
  layout: ParameterLayout,
  parameters: Float32Array,
  normalization: { readonly mean: Float32Array; readonly std: Float32Array },
): Uint8Array {
  checkParameters(layout, parameters)
  const g = new OnnxBuilder('conditioning')
  const affine = (x: string, layer: number): string => {
    const weight = segment(layout, `conditioning.${layer}.weight`)
    const bias = denseRows(parameters, segment(layout, `conditioning.${layer}.bias`))
    const w = g.f32(denseRows(parameters, weight), [weight.rows, weight.columns], `layer.${layer}.weight`)
    return g.node('Gemm', [x, w, g.f32(bias, [weight.rows], `layer.${layer}.bias`)], { transB: 1 })
  }
  const frames = g.input('frames', 'f32', ['frames', FRAME_FEATURES])
  const centred = g.node('Sub', [frames, g.f32(normalization.mean, [FRAME_FEATURES], 'mean')])
  const features = g.node('Div', [centred, g.f32(normalization.std, [FRAME_FEATURES], 'std')])
  const first = g.node('Tanh', [affine(features, 0)])
  const shifted = [0, 1, 2].map((i) =>
    g.node('Slice', [first, g.i64([i]), g.i64([i < 2 ? i - 2 : TO_THE_END]), g.i64([0])]),
  )
  const second = g.node('Tanh', [affine(g.node('Concat', shifted, { axis: 1 }), 1)])
  g.output(g.node('Identity', [affine(second, 2)], {}, 'gates'), 'f32', ['windows', 3 * layout.config.hidden])
  return encodeOnnx(g.graph())
}
