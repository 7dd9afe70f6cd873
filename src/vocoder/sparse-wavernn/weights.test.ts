import { expect, test } from 'vitest'
import { Random } from '../../random.ts'
import { netConfigSchema } from './config.ts'
import { randomWeights } from './random-weights.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { encodeWeights, parseWeights, type VocoderWeights } from './weights.ts'

const config = netConfigSchema.parse({ hidden: 32, headHidden: 16 })
const weights = (): VocoderWeights => randomWeights(config, 1)

test('weights survive the file', () => {
  expect(parseWeights(encodeWeights(weights(), { by: 'test' }))).toEqual(weights())
})

const refused = (bytes: Uint8Array) => expect(() => parseWeights(bytes, 'v.safetensors'))

test('a value that is not finite is refused by tensor', () => {
  const w = weights()
  w.recurrent[2].values[5] = Number.NaN
  refused(encodeWeights(w)).toThrow(/gru\.recurrent\.candidate\.values.*element 5/)
})

test('columns out of order or out of range are refused', () => {
  const unordered = weights()
  unordered.input[0].index[1] = unordered.input[0].index[0]!
  refused(encodeWeights(unordered)).toThrow(/gru\.input\.reset\.columns does not ascend/)
  const outside = weights()
  outside.headHidden.index[outside.headHidden.kept - 1] = 32
  refused(encodeWeights(outside)).toThrow(/head\.hidden\.columns has column 32/)
})

function edited(edit: (parts: ReturnType<typeof decodeSafetensors>) => void): Uint8Array {
  const parts = decodeSafetensors(encodeWeights(weights()), 'x')
  edit(parts)
  return encodeSafetensors(
    [...parts.tensors].map(([name, t]) => ({ name, ...t })),
    parts.metadata,
  )
}

test('missing tensors, wrong shapes and types are refused by tensor', () => {
  refused(edited((p) => p.tensors.delete('head.output.2.bias'))).toThrow(/head\.output\.2\.bias is missing/)
  const flat = { dtype: 'F32', shape: [64], data: new Float32Array(64) } as const
  refused(edited((p) => p.tensors.set('head.hidden.bias', { ...flat, shape: [8, 8] }))).toThrow(
    /head\.hidden\.bias has shape \[8, 8\].*needs \[64\]/,
  )
  const double = { dtype: 'F64', shape: [64], data: new Float64Array(64) } as const
  refused(edited((p) => p.tensors.set('head.hidden.bias', double))).toThrow(/head\.hidden\.bias is F64/)
})

test('another format or a wrong configuration is refused', () => {
  refused(edited((p) => Object.assign(p.metadata, { format: 'sparsewave-9' }))).toThrow(/sparsewave-9/)
  refused(edited((p) => Object.assign(p.metadata, { config: '{"hidden":31}' }))).toThrow(
    /config is not valid at hidden/,
  )
  refused(edited((p) => Object.assign(p.metadata, { config: '{' }))).toThrow(/config/)
  // A configuration of another density does not fit the tensors.
  const dense = JSON.stringify({ ...config, density: { ...config.density, reset: 1 } })
  refused(edited((p) => Object.assign(p.metadata, { config: dense }))).toThrow(
    /gru\.recurrent\.reset\.columns has shape/,
  )
})

test('a matrix without blocks and sizes that blocks do not divide are refused by tensor', () => {
  const of = (change: object) => edited((p) => Object.assign(p.metadata, { config: JSON.stringify(change) }))
  refused(of({ ...config, density: { ...config.density, candidate: 0 } })).toThrow(/gru\.recurrent\.candidate\.values/)
  refused(of({ ...config, hidden: 40 })).toThrow(/hidden \(gru\.recurrent\.\*\.values\).*16/)
  refused(of({ ...config, headHidden: 24 })).toThrow(/headHidden \(head\.hidden\.values\).*16/)
  const empty = { dtype: 'F32', shape: [2, 0, 16], data: new Float32Array(0) } as const
  refused(edited((p) => p.tensors.set('gru.recurrent.update.values', empty))).toThrow(
    /gru\.recurrent\.update\.values has shape \[2, 0, 16\]/,
  )
})

test('whatever bytes are damaged, a file parses or is refused with WEIGHTS_INVALID', () => {
  const whole = encodeWeights(weights())
  const random = new Random(4)
  const header = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true))
  let refusals = 0
  for (let i = 0; i < 1500; i++) {
    const bytes = whole.slice(0, random.below(8) === 0 ? random.below(whole.length) : whole.length)
    // Mostly the header: a value of a tensor may be anything finite.
    const reach = random.below(4) === 0 ? bytes.length : Math.min(header, bytes.length)
    for (let k = random.below(4); k >= 0 && reach > 0; k--) bytes[random.below(reach)] = random.below(256)
    try {
      parseWeights(bytes)
    } catch (error) {
      expect(error).toMatchObject({ code: 'WEIGHTS_INVALID' })
      refusals++
    }
  }
  expect(refusals).toBeGreaterThan(500)
})

test('a file cut anywhere is refused', () => {
  const bytes = encodeWeights(weights())
  for (const length of [0, 7, 8, 100, bytes.length - 1]) {
    refused(bytes.subarray(0, length)).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }))
  }
})
