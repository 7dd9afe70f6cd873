// Layers of the nets at frame rate in WebAssembly SIMD: the loops of native/layers/kernel.h on vectors of four. Products are the same
// integers as in native code. Memory is the host's: matrices, rows and results, by address (src/layers/wasm.ts).
import { BANDS, LPC_ORDER, SPECTRUM_POINTS } from './shared/constants'
import { exponential, hyperbolicTangent, limit, madd } from './shared/math'

// Largest magnitude of an input's integer, so that 31 bits hold every sum.
const MOST_INPUT: f32 = 8191
// Columns of a panel: two vectors.
const PANEL = 8

const RELU = 1
const TANH = 2

// Four values of an output row that has fewer columns left.
const partial = memory.data(16, 16)

/** First free byte of the memory. */
export function heapBase(): usize { return __heap_base }

/** Integers q with x = q * the step that is returned. */
export function quantize(x: usize, count: i32, q: usize): f32 {
  let most = f32x4.splat(0)
  let i = 0
  for (; i + 4 <= count; i += 4) most = f32x4.pmax(most, f32x4.abs(v128.load(x + (<usize>i << 2))))
  let peak = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  )
  for (; i < count; i++) peak = max(peak, abs(load<f32>(x + (<usize>i << 2))))
  if (!(peak > 1e-30)) {
    memory.fill(q, 0, <usize>count << 1)
    return 0
  }
  const factor = MOST_INPUT / peak
  for (i = 0; i + 4 <= count; i += 4) {
    const v = limit(f32x4.mul(v128.load(x + (<usize>i << 2)), f32x4.splat(factor)), -MOST_INPUT, MOST_INPUT)
    const integers = i32x4.trunc_sat_f32x4_s(f32x4.nearest(v))
    store<i64>(q + (<usize>i << 1), i64x2.extract_lane(i16x8.narrow_i32x4_s(integers, integers), 0))
  }
  for (; i < count; i++) {
    const v = min(max(load<f32>(x + (<usize>i << 2)) * factor, -MOST_INPUT), MOST_INPUT)
    store<i16>(q + (<usize>i << 1), <i16>nearest(v))
  }
  return peak / MOST_INPUT
}

// Four sums of one row to values, after the activation and with the residual (0: none) added; `left` columns remain.
// @ts-ignore: decorator
@inline function finish(sum: v128, scale: v128, bias: v128, activation: i32, residual: usize, out: usize, left: i32): void {
  let y = madd(f32x4.convert_i32x4_s(sum), scale, bias)
  if (activation == RELU) y = f32x4.pmax(f32x4.splat(0), y)
  else if (activation == TANH) y = hyperbolicTangent(y)
  if (left >= 4) {
    v128.store(out, residual ? f32x4.add(y, v128.load(residual)) : y)
    return
  }
  v128.store(partial, y)
  for (let c: usize = 0; c < <usize>left << 2; c += 4)
    store<f32>(out + c, load<f32>(partial + c) + (residual ? load<f32>(residual + c) : 0))
}

// One panel of a matrix with four rows of integers `stride` bytes apart.
function fourRows(
  weights: usize, pairs: i32, scales: usize, biases: usize, a: usize, stride: usize, step: f32,
  activation: i32, residual: usize, out: usize, width: usize, left: i32,
): void {
  let a0 = i32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0
  let w = weights
  const b = a + stride, c = b + stride, d = c + stride
  for (let p: usize = 0, end = <usize>pairs << 2; p < end; p += 4, w += 32) {
    const w0 = v128.load(w), w1 = v128.load(w, 16)
    let x = v128.load32_splat(a + p)
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x, w0))
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x, w1))
    x = v128.load32_splat(b + p)
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(x, w0))
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(x, w1))
    x = v128.load32_splat(c + p)
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(x, w0))
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(x, w1))
    x = v128.load32_splat(d + p)
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(x, w0))
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(x, w1))
  }
  const s0 = f32x4.mul(v128.load(scales), f32x4.splat(step)), s1 = f32x4.mul(v128.load(scales, 16), f32x4.splat(step))
  const bias0 = v128.load(biases), bias1 = v128.load(biases, 16)
  const next: usize = residual ? width : 0
  finish(a0, s0, bias0, activation, residual, out, left)
  finish(b0, s0, bias0, activation, residual + next, out + width, left)
  finish(c0, s0, bias0, activation, residual + 2 * next, out + 2 * width, left)
  finish(d0, s0, bias0, activation, residual + 3 * next, out + 3 * width, left)
  if (left <= 4) return
  const residual1 = residual ? residual + 16 : 0
  const out1 = out + 16
  finish(a1, s1, bias1, activation, residual1, out1, left - 4)
  finish(b1, s1, bias1, activation, residual1 + next, out1 + width, left - 4)
  finish(c1, s1, bias1, activation, residual1 + 2 * next, out1 + 2 * width, left - 4)
  finish(d1, s1, bias1, activation, residual1 + 3 * next, out1 + 3 * width, left - 4)
}

function oneRow(
  weights: usize, pairs: i32, scales: usize, biases: usize, a: usize, step: f32,
  activation: i32, residual: usize, out: usize, left: i32,
): void {
  let a0 = i32x4.splat(0), a1 = a0
  let w = weights
  for (let p: usize = 0, end = <usize>pairs << 2; p < end; p += 4, w += 32) {
    const x = v128.load32_splat(a + p)
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x, v128.load(w)))
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x, v128.load(w, 16)))
  }
  const s0 = f32x4.mul(v128.load(scales), f32x4.splat(step)), s1 = f32x4.mul(v128.load(scales, 16), f32x4.splat(step))
  finish(a0, s0, v128.load(biases), activation, residual, out, left)
  if (left > 4) finish(a1, s1, v128.load(biases, 16), activation, residual ? residual + 16 : 0, out + 16, left - 4)
}

/**
 * Row r of `out` [rows, columns] from the 2 * pairs integers at a + 2 * r * stride. `packed`: [panel][pair of inputs][8 columns][2];
 * `scales` and `biases` of the padded columns. activation: 0 none, 1 ReLU, 2 tanh; residual [rows, columns], or 0.
 */
export function product(
  packed: usize, pairs: i32, columns: i32, scales: usize, biases: usize, a: usize, stride: i32, rows: i32, step: f32,
  activation: i32, residual: usize, out: usize,
): void {
  const width = <usize>columns << 2
  const strideBytes = <usize>stride << 1
  for (let first = 0; first < columns; first += PANEL) {
    const w = packed + (<usize>(first * pairs) << 2)
    const at = <usize>first << 2
    let r = 0
    for (; r + 4 <= rows; r += 4) {
      const row = <usize>r * width + at
      fourRows(
        w, pairs, scales + at, biases + at, a + <usize>r * strideBytes, strideBytes, step,
        activation, residual ? residual + row : 0, out + row, width, columns - first,
      )
    }
    for (; r < rows; r++) {
      const row = <usize>r * width + at
      oneRow(
        w, pairs, scales + at, biases + at, a + <usize>r * strideBytes, step,
        activation, residual ? residual + row : 0, out + row, columns - first,
      )
    }
  }
}

// @ts-ignore: decorator
@inline function total(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)
}

/** Layer normalisation of rows [rows, channels], with scale and shift. */
export function norm(x: usize, rows: i32, channels: i32, epsilon: f32, scale: usize, shift: usize, out: usize): void {
  const width = <usize>channels << 2
  const whole = <usize>(channels & ~3) << 2
  for (let r = 0; r < rows; r++, x += width, out += width) {
    let sums = f32x4.splat(0)
    let i: usize = 0
    for (; i < whole; i += 16) sums = f32x4.add(sums, v128.load(x + i))
    let sum = total(sums)
    for (; i < width; i += 4) sum += load<f32>(x + i)
    const mean = sum / <f32>channels
    const means = f32x4.splat(mean)
    let squares = f32x4.splat(0)
    for (i = 0; i < whole; i += 16) {
      const d = f32x4.sub(v128.load(x + i), means)
      squares = madd(d, d, squares)
    }
    let square = total(squares)
    for (; i < width; i += 4) square += (load<f32>(x + i) - mean) * (load<f32>(x + i) - mean)
    const factor: f32 = 1 / sqrt<f32>(square / <f32>channels + epsilon)
    const factors = f32x4.splat(factor)
    for (i = 0; i < whole; i += 16) {
      const d = f32x4.mul(f32x4.sub(v128.load(x + i), means), factors)
      v128.store(out + i, madd(d, v128.load(scale + i), v128.load(shift + i)))
    }
    for (; i < width; i += 4)
      store<f32>(out + i, (load<f32>(x + i) - mean) * factor * load<f32>(scale + i) + load<f32>(shift + i))
  }
}

/** Floats of scratch that `attention` needs. */
export function attentionScratch(rows: i32, width: i32): i32 { return ((rows + 3) & ~3) * (width + 1) }

/** Self-attention: qkv [rows, 3 channels] in `heads` parts to out [rows, channels]. */
export function attention(qkv: usize, rows: i32, channels: i32, heads: i32, scratch: usize, out: usize): void {
  const width = channels / heads
  const stride = <usize>(3 * channels) << 2
  const span = <usize>((rows + 3) & ~3) << 2
  const factor: f32 = 1 / sqrt<f32>(<f32>width)
  const keys = scratch
  const scores = scratch + <usize>width * span
  memory.fill(keys, 0, <usize>width * span)
  for (let h = 0; h < heads; h++) {
    const q = qkv + (<usize>(h * width) << 2)
    const k = q + (<usize>channels << 2)
    const v = k + (<usize>channels << 2)
    for (let d = 0; d < width; d++)
      for (let j = 0; j < rows; j++)
        store<f32>(keys + <usize>d * span + (<usize>j << 2), load<f32>(k + <usize>j * stride + (<usize>d << 2)) * factor)
    for (let i = 0; i < rows; i++) {
      const row = q + <usize>i * stride
      let most: v128 = f32x4.splat(-Infinity)
      for (let j: usize = 0; j < span; j += 16) {
        let sum = f32x4.splat(0)
        for (let d = 0; d < width; d++)
          sum = madd(v128.load32_splat(row + (<usize>d << 2)), v128.load(keys + <usize>d * span + j), sum)
        v128.store(scores + j, sum)
      }
      let peak = load<f32>(scores)
      for (let j = 1; j < rows; j++) peak = max(peak, load<f32>(scores + (<usize>j << 2)))
      most = f32x4.splat(peak)
      for (let j: usize = 0; j < span; j += 16)
        v128.store(scores + j, exponential(f32x4.sub(v128.load(scores + j), most)))
      let sum: f32 = 0
      for (let j = 0; j < rows; j++) sum += load<f32>(scores + (<usize>j << 2))
      const target = out + (<usize>(i * channels + h * width) << 2)
      let d = 0
      for (; d + 4 <= width; d += 4) {
        let mixed = f32x4.splat(0)
        let at = v + (<usize>d << 2)
        for (let j = 0; j < rows; j++, at += stride)
          mixed = madd(v128.load32_splat(scores + (<usize>j << 2)), v128.load(at), mixed)
        v128.store(target + (<usize>d << 2), f32x4.div(mixed, f32x4.splat(sum)))
      }
      for (; d < width; d++) {
        let mixed: f32 = 0
        for (let j = 0; j < rows; j++)
          mixed += load<f32>(scores + (<usize>j << 2)) * load<f32>(v + <usize>j * stride + (<usize>d << 2))
        store<f32>(target + (<usize>d << 2), mixed / sum)
      }
    }
  }
}

const ORDER: usize = <usize>LPC_ORDER
const POINTS: usize = <usize>SPECTRUM_POINTS
// Bytes of one lag: a double for each band.
const LAG: usize = <usize>BANDS << 3
const LAGS: usize = (ORDER + 1) * LAG
const power = memory.data(SPECTRUM_POINTS * 8, 16)
// Autocorrelations and predictors by lag, bands as lanes of two vectors; then the errors.
const lags = memory.data((LPC_ORDER + 1) * BANDS * 8, 16)
const predictors = memory.data((LPC_ORDER + 1) * BANDS * 8, 16)
const previous = memory.data((LPC_ORDER + 1) * BANDS * 8, 16)

/**
 * Linear prediction of one log power envelope [64] in bands. Tables: `point` u8 and `weight` f64 by point of the spectrum, `correlation` f64
 * [point][lag][band]. Writes lpc [4, 8], gain [4] and inverseLevel [4].
 */
export function predict(
  point: usize, weight: usize, correlation: usize, whitening: f64, floor: f64, envelope: usize, lpc: usize, gain: usize,
  inverseLevel: usize,
): void {
  for (let g: usize = 0; g < POINTS; g++) {
    const e = envelope + (<usize>load<u8>(point + g) << 2)
    const w = load<f64>(weight + (g << 3))
    const log = <f64>load<f32>(e) * (1 - w) + <f64>load<f32>(e, 4) * w
    store<f64>(power + (g << 3), Math.exp(min(max(log, -600), 600)))
  }
  memory.fill(lags, 0, LAGS)
  for (let m: usize = 0; m < LAGS; m += 16) {
    let sum = f64x2.splat(0)
    let at = correlation + m
    for (let g: usize = 0; g < POINTS; g++, at += LAGS)
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(power + (g << 3)), v128.load(at)))
    v128.store(lags + m, sum)
  }
  for (let half: usize = 0; half < LAG; half += 16) {
    const r = lags + half
    v128.store(r, f64x2.add(f64x2.mul(v128.load(r), f64x2.splat(1 + whitening)), f64x2.splat(floor)))
    // Levinson-Durbin recursion.
    let error = v128.load(r)
    for (let m: usize = 1; m <= ORDER; m++) {
      let rest = v128.load(r + m * LAG)
      for (let k: usize = 1; k < m; k++)
        rest = f64x2.sub(rest, f64x2.mul(v128.load(predictors + half + k * LAG), v128.load(r + (m - k) * LAG)))
      const reflection = f64x2.div(rest, error)
      memory.copy(previous, predictors, LAGS)
      for (let k: usize = 1; k < m; k++)
        v128.store(
          predictors + half + k * LAG,
          f64x2.sub(
            v128.load(previous + half + k * LAG),
            f64x2.mul(reflection, v128.load(previous + half + (m - k) * LAG)),
          ),
        )
      v128.store(predictors + half + m * LAG, reflection)
      error = f64x2.mul(error, f64x2.sub(f64x2.splat(1), f64x2.mul(reflection, reflection)))
    }
    const band = half >> 3
    store<f32>(gain + (band << 2), <f32>Math.sqrt(f64x2.extract_lane(error, 0)))
    store<f32>(gain + (band << 2), <f32>Math.sqrt(f64x2.extract_lane(error, 1)), 4)
  }
  for (let b: usize = 0; b < <usize>BANDS; b++) {
    for (let k: usize = 1; k <= ORDER; k++)
      store<f32>(lpc + ((b * ORDER + k - 1) << 2), <f32>load<f64>(predictors + k * LAG + (b << 3)))
    store<f32>(inverseLevel + (b << 2), <f32>(1 / Math.sqrt(load<f64>(lags + (b << 3)))))
  }
}
