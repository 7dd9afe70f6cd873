import { expect, test } from 'vitest'
import { RealFft } from './fft.ts'

const signal = (n: number): Float64Array => {
  let state = 12345
  return Float64Array.from({ length: n }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state / 2 ** 31 - 1
  })
}

for (const size of [16, 64, 512, 1024, 2048]) {
  test(`size ${size}: the spectrum equals the definition's sum`, () => {
    const x = signal(size)
    const fft = new RealFft(size)
    const re = new Float64Array(fft.bins)
    const im = new Float64Array(fft.bins)
    fft.forward(x, re, im)
    for (let k = 0; k < fft.bins; k += Math.max(1, size >> 6)) {
      let r = 0
      let i = 0
      for (let n = 0; n < size; n++) {
        r += x[n]! * Math.cos((2 * Math.PI * k * n) / size)
        i -= x[n]! * Math.sin((2 * Math.PI * k * n) / size)
      }
      expect(re[k]).toBeCloseTo(r, 8)
      expect(im[k]).toBeCloseTo(i, 8)
    }
  })

  test(`size ${size}: inverse undoes forward`, () => {
    const x = signal(size)
    const fft = new RealFft(size)
    const re = new Float64Array(fft.bins)
    const im = new Float64Array(fft.bins)
    const back = new Float64Array(size)
    fft.forward(x, re, im)
    fft.inverse(re, im, back)
    for (let n = 0; n < size; n++) expect(back[n]).toBeCloseTo(x[n]!, 10)
  })
}

test('a size that is no power of two is refused', () => {
  expect(() => new RealFft(1000)).toThrow(RangeError)
})
