// A spectrogram that grows with the sound: Hann windows of 512 samples every 10 ms, 80 bands on the mel scale, -80 to 0 dB.
const SIZE = 512
const BANDS = 80
const FLOOR_DB = -80

const mel = (hz) => 2595 * Math.log10(1 + hz / 700)
const hz = (m) => 700 * (10 ** (m / 2595) - 1)

export class Spectrogram {
  /** Samples a column. */
  static HOP = 240
  static BANDS = BANDS

  /** Place of a frequency, 0 = lowest, 1 = half the sample rate. */
  static place(frequency, rate) {
    return mel(frequency) / mel(rate / 2)
  }

  constructor(rate) {
    /** Levels of the bands of each column, 0..255, low to high. */
    this.columns = []
    this.rest = new Float32Array(0)
    this.window = Float32Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE))
    const top = mel(rate / 2)
    // First bin of each band; a band has one bin at least.
    this.edges = Array.from({ length: BANDS + 1 }, (_, b) => Math.round((hz((b * top) / BANDS) * SIZE) / rate))
  }

  add(samples) {
    const all = new Float32Array(this.rest.length + samples.length)
    all.set(this.rest)
    all.set(samples, this.rest.length)
    let at = 0
    for (; at + SIZE <= all.length; at += Spectrogram.HOP) this.columns.push(this.column(all.subarray(at, at + SIZE)))
    this.rest = all.slice(at)
  }

  /** Levels of the bands, 0..255, low to high. */
  column(samples) {
    const re = samples.map((v, i) => v * this.window[i])
    const im = new Float32Array(SIZE)
    transform(re, im)
    return Uint8Array.from({ length: BANDS }, (_, b) => {
      const from = this.edges[b]
      const to = Math.max(from + 1, this.edges[b + 1])
      let power = 0
      for (let k = from; k < to; k++) power = Math.max(power, re[k] ** 2 + im[k] ** 2)
      const db = 10 * Math.log10(power / (SIZE / 4) ** 2 + 1e-12)
      return Math.max(0, Math.min(255, 255 * (1 - db / FLOOR_DB)))
    })
  }
}

/** In-place FFT, radix 2 (Cooley & Tukey 1965). */
function transform(re, im) {
  const n = re.length
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      ;[re[i], re[j]] = [re[j], re[i]]
      ;[im[i], im[j]] = [im[j], im[i]]
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const angle = (-2 * Math.PI * k) / size
      const c = Math.cos(angle)
      const s = Math.sin(angle)
      for (let a = k; a < n; a += size) {
        const b = a + size / 2
        const x = re[b] * c - im[b] * s
        const y = re[b] * s + im[b] * c
        re[b] = re[a] - x
        im[b] = im[a] - y
        re[a] += x
        im[a] += y
      }
    }
  }
}
