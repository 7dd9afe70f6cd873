/**
 * `Ops` that write ONNX nodes: tensors are names of [length, channels] values, without a batch. Convolutions become one
 * matrix product over shifted copies, which needs no transposes and keeps the weights' own layout.
 */

import { NORM_EPSILON, type Ops } from 'sparsewave/internal/acoustic/net/ops'
import type { OnnxBuilder } from '../../export/onnx.ts'
import type { ParameterValues } from '../../net/adam.ts'

/** `half` stores matrices and tables as f16; vectors stay f32. */
export function onnxOps(g: OnnxBuilder, parameters: ParameterValues, half: boolean): Ops<string> {
  const weight = (name: string, dims: readonly number[]) => {
    const data = parameters[name]
    if (!data) throw new Error(`the checkpoint has no ${name}`)
    return half && dims.length > 1 ? g.half(data, dims, name) : g.initializer({ data, dims }, name)
  }
  const affine = (x: string, name: string, from: number, to: number) =>
    g.node('Add', [g.node('MatMul', [x, weight(`${name}.weight`, [from, to])]), weight(`${name}.bias`, [to])])
  return {
    linear: affine,
    embed: (ids, name, count, channels) => g.node('Gather', [weight(`${name}.table`, [count, channels]), ids]),
    conv(x, name, width, from, to) {
      const side = (width - 1) / 2
      const padded = g.node('Pad', [x, g.i64([side, 0, side, 0])])
      const shifted = Array.from({ length: width }, (_, i) => {
        const end = i === width - 1 ? Number.MAX_SAFE_INTEGER : i - (width - 1)
        return g.node('Slice', [padded, g.i64([i]), g.i64([end]), g.i64([0])])
      })
      return affine(g.node('Concat', shifted, { axis: 1 }), name, width * from, to)
    },
    norm: (x, name, channels) =>
      g.node('LayerNormalization', [x, weight(`${name}.scale`, [channels]), weight(`${name}.shift`, [channels])], {
        axis: -1,
        epsilon: { float: NORM_EPSILON },
      }),
    attention(x, name, channels, heads) {
      const width = channels / heads
      const parts = ['q', 'k', 'v'].map((part) => `${name}.${part}`)
      g.nodes(
        'Split',
        [affine(x, `${name}.in`, channels, 3 * channels), g.i64([channels, channels, channels])],
        { axis: 1 },
        parts,
      )
      const [q, k, v] = parts.map((part) => g.node('Reshape', [part, g.i64([0, heads, width])])) as [
        string,
        string,
        string,
      ]
      const turned = (part: string, perm: number[]) => g.node('Transpose', [part], { perm })
      const scores = g.node('MatMul', [turned(q, [1, 0, 2]), turned(k, [1, 2, 0])])
      const weights = g.node('Softmax', [g.node('Mul', [scores, g.f32(1 / Math.sqrt(width))])], { axis: -1 })
      const mixed = turned(g.node('MatMul', [weights, turned(v, [1, 0, 2])]), [1, 0, 2])
      return affine(g.node('Reshape', [mixed, g.i64([0, channels])]), `${name}.out`, channels, channels)
    },
    shift: (x, row, name, from, to) => g.node('Add', [x, affine(row, name, from, to)]),
    relu: (x) => g.node('Relu', [x]),
    add: (a, b) => g.node('Add', [a, b]),
    dropout: (x) => x,
    spread: (x, _factor, channels) => g.node('Reshape', [x, g.i64([-1, channels])]),
  }
}
