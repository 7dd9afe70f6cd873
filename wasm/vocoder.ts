// The vocoder's kernel in WebAssembly SIMD: the loop of native/vocoder/kernel.h on blocks of four registers, one addition and
// one multiplication where native code fuses them; fused too in the module with relaxed SIMD. Memory is the host's: a model image and streams, by address.

import {
  BANDS, EXCITATION_OVERSAMPLING, EXCITATION_POINTS, EXCITATION_REACH, FIELD_FILTERS, FIELD_GATE_VALUES, FIELD_HEAD_BIAS, FIELD_HEAD_BLOCKS,
  FIELD_HEAD_COLUMNS, FIELD_HEAD_HIDDEN, FIELD_HEAD_SKIP, FIELD_HEAD_STEP, FIELD_HEAD_VALUES, FIELD_HIDDEN, FIELD_INPUT_BLOCKS,
  FIELD_INPUT_STEPS, FIELD_INPUTS, FIELD_INTEGER, FIELD_OUTPUT_BIAS, FIELD_OUTPUT_WEIGHT, FIELD_RECURRENT_BLOCKS, FIELD_RESET_BLOCKS,
  FIELD_SCALES, FIELD_STEP_VALUES, FIELD_TABLE, FIELD_TEMPERATURE, FIELD_UPDATE_BLOCKS, HISTORY, INTEGERS, LPC_ORDER, MAX_LAG, MIN_LAG,
  MIXTURES, PADDED_STEP_INPUTS, PQMF_TAPS, PRE_EMPHASIS, RING, STATE_STEPS_INT16, STEPS_PER_FRAME,
} from './shared/constants'
import { exponential, hyperbolicTangent, limit, madd, sigmoid } from './shared/math'

// Bytes of the ring of band samples; that of residuals follows it.
const RING_BYTES: usize = <usize>RING << 4

// Stream: scalars, then [h; x; e], products of the four gate parts, heads, scratch for four strips and an output, [h; x] as integers in the
// lower and in the upper halves of 32 bits, bands.
const S_MODEL = 0
const S_KEY = 4
const S_T = 8
const S_VOICED = 12
const S_PHASE = 16
const S_LAST = 24
const S_DATA = 64

// @ts-ignore: decorator
@inline function field(model: usize, offset: usize): i32 { return load<i32>(model + offset) }
// @ts-ignore: decorator
@inline function values(model: usize, offset: usize): usize { return load<u32>(model) + ((<usize>load<u32>(model + offset)) << 2) }
// @ts-ignore: decorator
@inline function inputOf(stream: usize): usize { return stream + S_DATA }
// @ts-ignore: decorator
@inline function sumsOf(stream: usize, model: usize): usize { return inputOf(stream) + ((<usize>field(model, FIELD_HIDDEN) + PADDED_STEP_INPUTS) << 2) }
// @ts-ignore: decorator
@inline function headOf(stream: usize, model: usize): usize { return sumsOf(stream, model) + (<usize>field(model, FIELD_HIDDEN) << 4) }
// @ts-ignore: decorator
@inline function scratchOf(stream: usize, model: usize): usize { return headOf(stream, model) + (<usize>field(model, FIELD_HEAD_HIDDEN) << 4) }
// @ts-ignore: decorator
@inline function halvesOf(stream: usize, model: usize): usize { return scratchOf(stream, model) + 5 * 64 }
// @ts-ignore: decorator
@inline function halfBytes(model: usize): usize { return (<usize>field(model, FIELD_HIDDEN) + PADDED_STEP_INPUTS) << 2 }
// @ts-ignore: decorator
@inline function bandsOf(stream: usize, model: usize): usize { return halvesOf(stream, model) + 2 * halfBytes(model) }

/** First free byte of the memory. */
export function heapBase(): usize { return __heap_base }

/** Bytes of a stream of the model at this address. */
export function streamSize(model: usize): usize { return bandsOf(0, model) + 2 * RING_BYTES }

/** Prepares zeroed memory as a stream. */
export function openStream(stream: usize, model: usize, seed: u32): void {
  memory.fill(stream, 0, streamSize(model))
  store<u32>(stream + S_MODEL, <u32>model)
  store<u32>(stream + S_KEY, fmix32(seed + 0x9e3779b9))
}

// @ts-ignore: decorator
@inline function fmix32(value: u32): u32 {
  let h = value
  h = (h ^ (h >> 16)) * 0x85ebca6b
  h = (h ^ (h >> 13)) * 0xc2b2ae35
  return h ^ (h >> 16)
}

// Product of one strip's blocks with the input, written to `out` [16].
function product(weights: usize, columns: usize, count: i32, input: usize, out: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0
  let w = weights
  let c = columns
  const pairs = columns + ((<usize>(count & ~1)) << 1)
  while (c < pairs) {
    let x = v128.load32_splat(input + ((<usize>load<u16>(c)) << 2))
    a0 = madd(v128.load(w), x, a0)
    a1 = madd(v128.load(w, 16), x, a1)
    a2 = madd(v128.load(w, 32), x, a2)
    a3 = madd(v128.load(w, 48), x, a3)
    x = v128.load32_splat(input + ((<usize>load<u16>(c, 2)) << 2))
    b0 = madd(v128.load(w, 64), x, b0)
    b1 = madd(v128.load(w, 80), x, b1)
    b2 = madd(v128.load(w, 96), x, b2)
    b3 = madd(v128.load(w, 112), x, b3)
    c += 4
    w += 128
  }
  if (count & 1) {
    const x = v128.load32_splat(input + ((<usize>load<u16>(c)) << 2))
    a0 = madd(v128.load(w), x, a0)
    a1 = madd(v128.load(w, 16), x, a1)
    a2 = madd(v128.load(w, 32), x, a2)
    a3 = madd(v128.load(w, 48), x, a3)
  }
  v128.store(out, f32x4.add(a0, b0))
  v128.store(out, f32x4.add(a1, b1), 16)
  v128.store(out, f32x4.add(a2, b2), 32)
  v128.store(out, f32x4.add(a3, b3), 48)
}

// The same for a dense strip: columns 0 .. count - 1.
function dense(weights: usize, count: i32, input: usize, out: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
  let w = weights
  let v = input
  const end = input + ((<usize>count) << 2)
  while (v < end) {
    const x = v128.load32_splat(v)
    a0 = madd(v128.load(w), x, a0)
    a1 = madd(v128.load(w, 16), x, a1)
    a2 = madd(v128.load(w, 32), x, a2)
    a3 = madd(v128.load(w, 48), x, a3)
    v += 4
    w += 64
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
  v128.store(out, a2, 32)
  v128.store(out, a3, 48)
}

// Product of one strip's pairs of integer blocks, as integers; without columns: of a dense strip.
function productOfIntegers(weights: usize, columns: usize, count: i32, low: usize, high: usize, out: usize): void {
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
  let w = weights
  for (let k: usize = 0, n = <usize>count; k < n; k += 2, w += 64) {
    const first = columns ? <usize>load<u16>(columns + (k << 1)) : k
    const second = columns ? <usize>load<u16>(columns + (k << 1), 2) : k + 1
    const x = v128.or(v128.load32_splat(low + (first << 2)), v128.load32_splat(high + (second << 2)))
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load(w), x))
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load(w, 16), x))
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load(w, 32), x))
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load(w, 48), x))
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
  v128.store(out, a2, 32)
  v128.store(out, a3, 48)
}

// Four values below 2^22 as the nearest integers, halves to even, to both halves.
// @ts-ignore: decorator
@inline function storeHalves(low: usize, high: usize, value: v128): void {
  const magic = f32x4.splat(12582912)
  const integers = i32x4.sub(f32x4.add(value, magic), magic)
  v128.store(low, v128.and(integers, i32x4.splat(0xffff)))
  v128.store(high, i32x4.shl(integers, 16))
}

// Four sums as floats.
// @ts-ignore: decorator
@inline function sumAt(sum: usize, scale: usize, integer: i32): v128 {
  const v = v128.load(sum)
  return integer ? f32x4.mul(f32x4.convert_i32x4_s(v), v128.load(scale)) : v
}

// A strip's product in the model's precision.
// @ts-ignore: decorator
@inline function anyProduct(integer: i32, w: usize, c: usize, count: i32, input: usize, low: usize, high: usize, out: usize): void {
  if (integer) productOfIntegers(w, c, count, low, high, out)
  else product(w, c, count, input, out)
}

// h <- GRU(h, x, gates), then the heads' part that needs no e_b: V h' + b + S_b x.
function advance(stream: usize, model: usize, gates: usize): void {
  const H = field(model, FIELD_HIDDEN), K = field(model, FIELD_HEAD_HIDDEN), D = field(model, FIELD_INPUTS)
  const input = inputOf(stream), sums = sumsOf(stream, model), scratch = scratchOf(stream, model)
  const resets = field(model, FIELD_RESET_BLOCKS), updates = field(model, FIELD_UPDATE_BLOCKS)
  const recurrents = field(model, FIELD_RECURRENT_BLOCKS), inputs = field(model, FIELD_INPUT_BLOCKS)
  const H4 = (<usize>H) << 2
  const one = f32x4.splat(1)
  const integer = field(model, FIELD_INTEGER)
  const low = halvesOf(stream, model), high = low + halfBytes(model)
  const scales = values(model, FIELD_SCALES)
  // A block is 64 bytes of f32, 32 of integers.
  const bits: usize = integer ? 5 : 6
  const integers = <usize>load<u32>(model + INTEGERS)
  if (integer) {
    const x = input + H4, steps = values(model, FIELD_INPUT_STEPS)
    for (let i: usize = 0; i < (<usize>D) << 2; i += 16) {
      const most = v128.load(steps + i, PADDED_STEP_INPUTS * 4)
      const v = f32x4.mul(v128.load(x + i), v128.load(steps + i))
      storeHalves(low + H4 + i, high + H4 + i, f32x4.pmin(most, f32x4.pmax(f32x4.neg(most), v)))
    }
  }
  let w = integer ? integers + ((<usize>field(model, FIELD_GATE_VALUES)) << 1) : values(model, FIELD_GATE_VALUES)
  let c = <usize>load<u32>(model + 4)
  // All products first, then all non-linear functions: their long chains overlap one another.
  for (let row: usize = 0; row < H4; row += 64) {
    anyProduct(integer, w, c, resets, input, low, high, sums + row)
    w += (<usize>resets) << bits
    c += (<usize>resets) << 1
    anyProduct(integer, w, c, updates, input, low, high, sums + H4 + row)
    w += (<usize>updates) << bits
    c += (<usize>updates) << 1
    anyProduct(integer, w, c, recurrents, input, low, high, sums + 2 * H4 + row)
    w += (<usize>recurrents) << bits
    c += (<usize>recurrents) << 1
    anyProduct(integer, w, c, inputs, input, low, high, sums + 3 * H4 + row)
    w += (<usize>inputs) << bits
    c += (<usize>inputs) << 1
  }
  for (let i: usize = 0; i < H4; i += 16) {
    const scale = scales + i
    // Limited so that the product below stays finite: one division serves both gates.
    const ar = f32x4.neg(f32x4.add(sumAt(sums + i, scale, integer), v128.load(gates + i)))
    const az = f32x4.neg(f32x4.add(sumAt(sums + H4 + i, scale + H4, integer), v128.load(gates + H4 + i)))
    const er = f32x4.add(exponential(limit(ar, -30, 30)), one)
    const ez = f32x4.add(exponential(limit(az, -30, 30)), one)
    const inverse = f32x4.div(one, f32x4.mul(er, ez))
    const r = f32x4.mul(inverse, ez)
    const z = f32x4.mul(inverse, er)
    const an = f32x4.add(sumAt(sums + 3 * H4 + i, scale + 3 * H4, integer), v128.load(gates + 2 * H4 + i))
    const n = hyperbolicTangent(madd(r, sumAt(sums + 2 * H4 + i, scale + 2 * H4, integer), an))
    const state = madd(z, f32x4.sub(v128.load(input + i), n), n)
    v128.store(input + i, state)
    if (integer) storeHalves(low + i, high + i, f32x4.mul(state, f32x4.splat(<f32>STATE_STEPS_INT16)))
  }
  const heads = field(model, FIELD_HEAD_BLOCKS)
  const K4 = (<usize>K) << 2
  let head = headOf(stream, model)
  let bias = values(model, FIELD_HEAD_BIAS)
  let step = integer ? integers + ((<usize>field(model, FIELD_STEP_VALUES)) << 1) : values(model, FIELD_HEAD_STEP)
  let headScale = scales + 4 * H4
  w = integer ? integers + ((<usize>field(model, FIELD_HEAD_VALUES)) << 1) : values(model, FIELD_HEAD_VALUES)
  c = load<u32>(model + 4) + ((<usize>field(model, FIELD_HEAD_COLUMNS)) << 1)
  for (let b = 0; b < BANDS; b++) {
    // The integers hold no columns of earlier bands.
    const stripBytes = integer ? (<usize>D) << 5 : (<usize>(D + b)) << 6
    for (let row: usize = 0; row < K4; row += 64) {
      anyProduct(integer, w, c, heads, input, low, high, scratch)
      w += (<usize>heads) << bits
      c += (<usize>heads) << 1
      if (integer) productOfIntegers(step, 0, D, low + H4, high + H4, scratch + 64)
      else dense(step, D, input + H4, scratch + 64)
      step += stripBytes
      for (let p: usize = 0; p < 64; p += 16) {
        const ofState = sumAt(scratch + p, headScale + p, integer)
        const ofStep = sumAt(scratch + 64 + p, headScale + 4 * K4 + p, integer)
        v128.store(head + p, f32x4.add(ofState, f32x4.add(ofStep, v128.load(bias + p))))
      }
      head += 64
      bias += 64
      headScale += 64
    }
  }
}

// M_b x for all four bands, lane b.
function skip(stream: usize, model: usize): v128 {
  let x = inputOf(stream) + ((<usize>field(model, FIELD_HIDDEN)) << 2)
  let w = values(model, FIELD_HEAD_SKIP)
  const end = x + ((<usize>field(model, FIELD_INPUTS)) << 2)
  let sum = f32x4.splat(0)
  for (; x < end; x += 4, w += 16) sum = madd(v128.load(w), v128.load32_splat(x), sum)
  return sum
}

// o_b of one band, written to `out` [16]; e_0 .. e_{b-1} lie behind x. `shift` is M_b [x; e].
function output(stream: usize, model: usize, b: i32, shift: f32, out: usize): void {
  const K = field(model, FIELD_HEAD_HIDDEN), D = field(model, FIELD_INPUTS)
  const K4 = (<usize>K) << 2
  const e = inputOf(stream) + ((<usize>(field(model, FIELD_HIDDEN) + D)) << 2)
  const u = headOf(stream, model) + <usize>b * K4
  const step = values(model, FIELD_HEAD_STEP) + ((<usize>(K * (b * D + b * (b - 1) / 2))) << 2)
  const zero = f32x4.splat(0)
  for (let k: usize = 0; k < K4; k += 16) {
    const strip = k >> 6
    const w = step + ((strip * <usize>(D + b) + <usize>D) << 6) + (k & 63)
    let v = v128.load(u + k)
    for (let j = 0; j < b; j++) v = madd(v128.load(w + ((<usize>j) << 6)), v128.load32_splat(e + ((<usize>j) << 2)), v)
    v128.store(u + k, f32x4.pmax(zero, v))
  }
  dense(values(model, FIELD_OUTPUT_WEIGHT) + ((<usize>(b * K)) << 6), K, u, out)
  const bias = values(model, FIELD_OUTPUT_BIAS) + ((<usize>b) << 6)
  for (let p: usize = 0; p < 64; p += 16) v128.store(out + p, f32x4.add(v128.load(out + p), v128.load(bias + p)))
  v128.store(out, f32x4.add(v128.load(out, 16), f32x4.splat(shift)), 16)
}

// @ts-ignore: decorator
@inline function past(stream: usize, model: usize, back: i32): usize {
  return bandsOf(stream, model) + (<usize>((load<u32>(stream + S_T) - <u32>back) & <u32>(RING - 1)) << 4)
}

// k_b(u) for the four bands.
function pulse(table: usize, u: f64): v128 {
  const position = (u + <f64>EXCITATION_REACH) * <f64>EXCITATION_OVERSAMPLING
  if (!(position >= 0 && position < <f64>(EXCITATION_POINTS - 1))) return f32x4.splat(0)
  const at = <i32>position
  const weight = <f32>(position - <f64>at)
  const from = table + ((<usize>at) << 4)
  return madd(v128.load(from), f32x4.splat(<f32>1 - weight), f32x4.mul(v128.load(from, 16), f32x4.splat(weight)))
}

function writeExcitation(stream: usize, model: usize, increment: f64, x: usize): void {
  if (!(increment > 0)) {
    store<u32>(stream + S_VOICED, 0)
    memory.fill(x, 0, (3 * BANDS + 2) << 2)
    return
  }
  let phase = load<u32>(stream + S_VOICED) ? load<f64>(stream + S_PHASE) + increment : 0
  if (phase >= 1) phase -= 1
  store<f64>(stream + S_PHASE, phase)
  store<u32>(stream + S_VOICED, 1)
  const table = values(model, FIELD_TABLE)
  const period = 1 / increment
  const amplitude = f32x4.splat(<f32>Math.sqrt(period))
  for (let o = 0; o < 3; o++) {
    const q = f32x4.add(pulse(table, <f64>o + phase * period), pulse(table, <f64>o - (1 - phase) * period))
    v128.store(x + (<usize>o << 4), f32x4.mul(q, amplitude))
  }
  const angle = 6.283185307179586 * phase
  store<f32>(x + 48, <f32>Math.sin(angle))
  store<f32>(x + 52, <f32>Math.cos(angle))
}

// @ts-ignore: decorator
@inline function clip6(v: v128): v128 { return limit(v, -6, 6) }

// Inputs x of the step; returns P_b.
function writeInputs(stream: usize, model: usize, lpc: usize, inverseLevel: usize, frameLag: i32, increment: f64): v128 {
  let x = inputOf(stream) + ((<usize>field(model, FIELD_HIDDEN)) << 2)
  const level = v128.load(inverseLevel)
  const e = v128.load(x + ((<usize>field(model, FIELD_INPUTS)) << 2))
  let prediction = f32x4.splat(0)
  for (let k = 1; k <= LPC_ORDER; k++) {
    const from = lpc + ((<usize>(k - 1)) << 2)
    let a = f32x4.splat(load<f32>(from))
    a = f32x4.replace_lane(a, 1, load<f32>(from, 32))
    a = f32x4.replace_lane(a, 2, load<f32>(from, 64))
    a = f32x4.replace_lane(a, 3, load<f32>(from, 96))
    prediction = madd(a, v128.load(past(stream, model, k)), prediction)
  }
  for (let l = 1; l <= HISTORY; l++, x += 16) v128.store(x, clip6(f32x4.mul(v128.load(past(stream, model, l)), level)))
  v128.store(x, clip6(e))
  v128.store(x, clip6(f32x4.mul(prediction, level)), 16)
  x += 32
  const lag = frameLag > 0 ? min(max(frameLag, MIN_LAG), MAX_LAG) : 0
  for (let o = -1; o <= 1; o++, x += 16) {
    v128.store(x, lag > 0 ? clip6(v128.load(past(stream, model, lag - o), RING_BYTES)) : f32x4.splat(0))
  }
  writeExcitation(stream, model, increment, x)
  return prediction
}

function draw(stream: usize, b: i32, i: i32): f64 {
  const bits = fmix32(load<u32>(stream + S_KEY) ^ (8 * load<u32>(stream + S_T) + 2 * <u32>b + <u32>i)) >> 8
  return (<f64>bits + 0.5) / 16777216
}

// e_b from o_b: a component of the mixture, then its logistic. Overwrites log weights and log scales.
function sample(stream: usize, b: i32, o: usize, temperature: f32): f32 {
  let top = load<f32>(o)
  for (let k = 1; k < MIXTURES; k++) top = max(top, load<f32>(o + ((<usize>k) << 2)))
  v128.store(o, exponential(f32x4.sub(v128.load(o), f32x4.splat(top))))
  v128.store(o, exponential(limit(v128.load(o, 32), -7, 4)), 32)
  const total = load<f32>(o) + load<f32>(o, 4) + load<f32>(o, 8) + load<f32>(o, 12)
  const threshold = <f32>draw(stream, b, 0) * total
  const weighted = f32x4.mul(v128.load(o), v128.load(o, 16))
  const mean =
    (f32x4.extract_lane(weighted, 0) +
      f32x4.extract_lane(weighted, 1) +
      f32x4.extract_lane(weighted, 2) +
      f32x4.extract_lane(weighted, 3)) /
    total
  let component: usize = o
  let sum = load<f32>(o)
  for (let k = 1; k < MIXTURES && sum <= threshold; k++) {
    component += 4
    sum += load<f32>(component)
  }
  const u = draw(stream, b, 1)
  const drawn = load<f32>(component, 16) + load<f32>(component, 32) * <f32>Math.log(u / (1 - u))
  return mean + temperature * (drawn - mean)
}

function synthesize(stream: usize, model: usize, out: usize): void {
  let filter = values(model, FIELD_FILTERS)
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  for (let j = 0; j < PQMF_TAPS / BANDS; j++, filter += 64) {
    const band = past(stream, model, j)
    s0 = madd(v128.load(filter), v128.load32_splat(band), s0)
    s1 = madd(v128.load(filter, 16), v128.load32_splat(band, 4), s1)
    s2 = madd(v128.load(filter, 32), v128.load32_splat(band, 8), s2)
    s3 = madd(v128.load(filter, 48), v128.load32_splat(band, 12), s3)
  }
  v128.store(out, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
  let last = load<f32>(stream + S_LAST)
  for (let i: usize = 0; i < 16; i += 4) {
    last = load<f32>(out + i) + PRE_EMPHASIS * last
    store<f32>(out + i, last)
  }
  store<f32>(stream + S_LAST, last)
}

/** Makes one frame, 120 samples, at `out`; `incrementAt` holds its phase increment, f64. */
export function generate(
  stream: usize, gates: usize, lpc: usize, gain: usize, inverseLevel: usize, lag: i32, incrementAt: usize, out: usize,
): void {
  const increment = load<f64>(incrementAt)
  const model = <usize>load<u32>(stream + S_MODEL)
  const D = field(model, FIELD_INPUTS)
  const e = inputOf(stream) + ((<usize>(field(model, FIELD_HIDDEN) + D)) << 2)
  const skipWeight = values(model, FIELD_HEAD_SKIP) + ((<usize>D) << 4)
  const o = scratchOf(stream, model) + 256
  const gains = v128.load(gain)
  for (let i = 0; i < STEPS_PER_FRAME; i++, out += 16) {
    const prediction = writeInputs(stream, model, lpc, inverseLevel, lag, increment)
    const temperature = values(model, FIELD_TEMPERATURE) + (load<u32>(stream + S_VOICED) ? 16 : 0)
    advance(stream, model, gates)
    let shift = skip(stream, model)
    const scratch = o - 256
    for (let b = 0; b < BANDS; b++) {
      const at = (<usize>b) << 2
      v128.store(scratch, shift)
      output(stream, model, b, load<f32>(scratch + at), o)
      const value = sample(stream, b, o, load<f32>(temperature + at))
      store<f32>(e + at, value)
      shift = madd(v128.load(skipWeight + (at << 2)), f32x4.splat(value), shift)
    }
    const slot = past(stream, model, 0)
    v128.store(slot, limit(madd(gains, v128.load(e), prediction), -2, 2))
    // The ring of residuals follows that of the bands.
    v128.store(slot, v128.load(e), RING_BYTES)
    synthesize(stream, model, out)
    store<u32>(stream + S_T, load<u32>(stream + S_T) + 1)
  }
}

/** Teacher-forced step: x [D] and residuals [4] are given; writes o_b, [4][16] of which 12 are used. */
export function outputs(stream: usize, gates: usize, x: usize, residuals: usize, out: usize): void {
  const model = <usize>load<u32>(stream + S_MODEL)
  const D = field(model, FIELD_INPUTS)
  const input = inputOf(stream) + ((<usize>field(model, FIELD_HIDDEN)) << 2)
  const skipWeight = values(model, FIELD_HEAD_SKIP) + ((<usize>D) << 4)
  memory.copy(input, x, (<usize>D) << 2)
  memory.copy(input + ((<usize>D) << 2), residuals, 16)
  advance(stream, model, gates)
  let shift = skip(stream, model)
  const scratch = scratchOf(stream, model)
  for (let b = 0; b < BANDS; b++) {
    v128.store(scratch, shift)
    output(stream, model, b, load<f32>(scratch + ((<usize>b) << 2)), out + ((<usize>b) << 6))
    shift = madd(v128.load(skipWeight + ((<usize>b) << 4)), v128.load32_splat(residuals + ((<usize>b) << 2)), shift)
  }
}

/** Element-wise functions on n values in place, n a multiple of 4: 0 exp, 1 sigmoid, 2 tanh. */
export function activate(which: i32, data: usize, n: i32): void {
  for (let i = data, end = data + ((<usize>n) << 2); i < end; i += 16) {
    const v = v128.load(i)
    v128.store(i, which == 0 ? exponential(v) : which == 1 ? sigmoid(v) : hyperbolicTangent(v))
  }
}
