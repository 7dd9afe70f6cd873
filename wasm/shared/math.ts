// Functions of four floats that the modules share.

// @ts-ignore: decorator
@inline export function limit(v: v128, low: f32, high: f32): v128 {
  return f32x4.pmin(f32x4.splat(high), f32x4.pmax(f32x4.splat(low), v))
}

// a * b + c, fused in the modules with relaxed SIMD.
// @ts-ignore: decorator
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c)
}

// e^x, x limited to -87..88, relative error below 2e-7 (Cephes polynomial).
// @ts-ignore: decorator
@inline export function exponential(value: v128): v128 {
  let x = limit(value, -87, 88)
  const magic = f32x4.splat(12582912)
  let n = madd(x, f32x4.splat(1.44269504088896341), magic)
  const exponent = i32x4.shl(n, 23)
  n = f32x4.sub(n, magic)
  x = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)))
  x = madd(n, f32x4.splat(2.1219444e-4), x)
  let p = f32x4.splat(1.98756915e-4)
  p = madd(p, x, f32x4.splat(1.3981999507e-3))
  p = madd(p, x, f32x4.splat(8.3334519073e-3))
  p = madd(p, x, f32x4.splat(4.1665795894e-2))
  p = madd(p, x, f32x4.splat(1.6666665459e-1))
  p = madd(p, x, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(madd(f32x4.mul(p, x), x, x), f32x4.splat(1))
  return i32x4.add(p, exponent)
}

// Absolute errors below 3e-7.
// @ts-ignore: decorator
@inline export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exponential(f32x4.neg(x))))
}
// @ts-ignore: decorator
@inline export function hyperbolicTangent(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(one, exponential(f32x4.add(x, x)))))
}
