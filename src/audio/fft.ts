/**
 * Real-input FFT of a power-of-two size with precomputed tables. An instance owns its scratch memory, so it must not
 * be shared between threads. Transforms allocate nothing.
 */
export class RealFft {
  readonly size: number
  /** Bins of a spectrum, size / 2 + 1. */
  readonly bins: number
  readonly #half: number
  readonly #reversed: Uint32Array
  readonly #cos: Float64Array
  readonly #sin: Float64Array
  readonly #re: Float64Array
  readonly #im: Float64Array

  /** Throws RangeError unless `size` is a power of two of at least 16. */
  constructor(size: number) {
    if (size < 16 || (size & (size - 1)) !== 0) throw new RangeError(`FFT size ${size} is not a power of two >= 16`)
    const half = size / 2
    this.size = size
    this.bins = half + 1
    this.#half = half
    this.#reversed = new Uint32Array(half)
    const bits = Math.log2(half)
    for (let i = 0; i < half; i++) {
      let r = 0
      for (let b = 0; b < bits; b++) r |= ((i >> b) & 1) << (bits - 1 - b)
      this.#reversed[i] = r
    }
    this.#cos = new Float64Array(half)
    this.#sin = new Float64Array(half)
    for (let i = 0; i < half; i++) {
      this.#cos[i] = Math.cos((2 * Math.PI * i) / size)
      this.#sin[i] = Math.sin((2 * Math.PI * i) / size)
    }
    this.#re = new Float64Array(half)
    this.#im = new Float64Array(half)
  }

  /** X[k] = sum_n x[n] exp(-2 pi j k n / size) for k = 0..size/2. `x` [size]; `re`, `im` [bins] are written. */
  forward(x: Float64Array, re: Float64Array, im: Float64Array): void {
    const half = this.#half
    const zr = this.#re
    const zi = this.#im
    const reversed = this.#reversed
    for (let i = 0; i < half; i++) {
      const j = reversed[i]!
      zr[i] = x[2 * j]!
      zi[i] = x[2 * j + 1]!
    }
    this.#transform()
    const cos = this.#cos
    const sin = this.#sin
    re[0] = zr[0]! + zi[0]!
    im[0] = 0
    re[half] = zr[0]! - zi[0]!
    im[half] = 0
    // Even samples' spectrum E and odd samples' O are the Hermitian and anti-Hermitian parts of Z; X = E + w O.
    for (let k = 1, m = half - 1; k <= m; k++, m--) {
      const er = 0.5 * (zr[k]! + zr[m]!)
      const ei = 0.5 * (zi[k]! - zi[m]!)
      const or = 0.5 * (zi[k]! + zi[m]!)
      const oi = 0.5 * (zr[m]! - zr[k]!)
      const c = cos[k]!
      const s = sin[k]!
      const tr = c * or + s * oi
      const ti = c * oi - s * or
      re[k] = er + tr
      im[k] = ei + ti
      re[m] = er - tr
      im[m] = ti - ei
    }
  }

  /** The inverse of `forward` (with the factor 1 / size). `re`, `im` [bins] are read; `x` [size] is written. */
  inverse(re: Float64Array, im: Float64Array, x: Float64Array): void {
    const half = this.#half
    const zr = this.#re
    const zi = this.#im
    const cos = this.#cos
    const sin = this.#sin
    const reversed = this.#reversed
    // Z = E + j O, conjugated so that the forward butterflies do the inverse.
    for (let k = 0; k < half; k++) {
      const m = half - k
      const er = re[k]! + re[m]!
      const ei = im[k]! - im[m]!
      const dr = re[k]! - re[m]!
      const di = im[k]! + im[m]!
      const c = cos[k]!
      const s = sin[k]!
      const or = dr * c - di * s
      const oi = dr * s + di * c
      const j = reversed[k]!
      zr[j] = er - oi
      zi[j] = -(ei + or)
    }
    this.#transform()
    const scale = 1 / this.size
    for (let i = 0; i < half; i++) {
      x[2 * i] = zr[i]! * scale
      x[2 * i + 1] = -zi[i]! * scale
    }
  }

  /** Complex forward transform of the bit-reversed scratch, in place. */
  #transform(): void {
    const half = this.#half
    const zr = this.#re
    const zi = this.#im
    const cos = this.#cos
    const sin = this.#sin
    // The first two stages need no multiplication.
    for (let i = 0; i < half; i += 4) {
      const ar = zr[i]! + zr[i + 1]!
      const ai = zi[i]! + zi[i + 1]!
      const br = zr[i]! - zr[i + 1]!
      const bi = zi[i]! - zi[i + 1]!
      const cr = zr[i + 2]! + zr[i + 3]!
      const ci = zi[i + 2]! + zi[i + 3]!
      const dr = zr[i + 2]! - zr[i + 3]!
      const di = zi[i + 2]! - zi[i + 3]!
      zr[i] = ar + cr
      zi[i] = ai + ci
      zr[i + 1] = br + di
      zi[i + 1] = bi - dr
      zr[i + 2] = ar - cr
      zi[i + 2] = ai - ci
      zr[i + 3] = br - di
      zi[i + 3] = bi + dr
    }
    // Then two stages a pass, for the sake of memory; a single one is left over when their number is odd.
    let span = 4
    for (; 2 * span < half; span *= 4) {
      const inner = half / span
      const outer = inner / 2
      for (let start = 0; start < half; start += 4 * span) {
        for (let k = 0; k < span; k++) {
          const i0 = start + k
          const i1 = i0 + span
          const i2 = i1 + span
          const i3 = i2 + span
          const c1 = cos[k * inner]!
          const s1 = sin[k * inner]!
          const c2 = cos[k * outer]!
          const s2 = sin[k * outer]!
          const x1r = zr[i1]! * c1 + zi[i1]! * s1
          const x1i = zi[i1]! * c1 - zr[i1]! * s1
          const x3r = zr[i3]! * c1 + zi[i3]! * s1
          const x3i = zi[i3]! * c1 - zr[i3]! * s1
          const ar = zr[i0]! + x1r
          const ai = zi[i0]! + x1i
          const br = zr[i0]! - x1r
          const bi = zi[i0]! - x1i
          const pr = zr[i2]! + x3r
          const pi = zi[i2]! + x3i
          const qr = zr[i2]! - x3r
          const qi = zi[i2]! - x3i
          const er = pr * c2 + pi * s2
          const ei = pi * c2 - pr * s2
          // The fourth's twiddle is the third's times -j.
          const fr = qi * c2 - qr * s2
          const fi = -qr * c2 - qi * s2
          zr[i0] = ar + er
          zi[i0] = ai + ei
          zr[i1] = br + fr
          zi[i1] = bi + fi
          zr[i2] = ar - er
          zi[i2] = ai - ei
          zr[i3] = br - fr
          zi[i3] = bi - fi
        }
      }
    }
    for (; span < half; span *= 2) {
      const stride = half / span
      for (let start = 0; start < half; start += 2 * span) {
        for (let i = start, w = 0; i < start + span; i++, w += stride) {
          const j = i + span
          const c = cos[w]!
          const s = sin[w]!
          const xr = zr[j]!
          const xi = zi[j]!
          const tr = xr * c + xi * s
          const ti = xi * c - xr * s
          zr[j] = zr[i]! - tr
          zi[j] = zi[i]! - ti
          zr[i] = zr[i]! + tr
          zi[i] = zi[i]! + ti
        }
      }
    }
  }
}
