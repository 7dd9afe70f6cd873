import { expect, test } from 'vitest'
import { fromPcm16Bytes, toPcm16, toPcm16Bytes } from './pcm.ts'

test('values are scaled, rounded and clipped', () => {
  const samples = Float32Array.of(0, 1, -1, 2, -2, 0.5, 1 / 32767, Number.NaN)
  expect([...toPcm16(samples)]).toEqual([0, 32767, -32767, 32767, -32767, 16384, 1, 0])
})

test('bytes are little endian', () => {
  expect([...toPcm16Bytes(Float32Array.of(1, -1))]).toEqual([0xff, 0x7f, 0x01, 0x80])
})

test('PCM survives the way to samples and back', () => {
  const bytes = Uint8Array.from({ length: 2000 }, (_, i) => (i * 37) & 0xff).map((b, i) =>
    i % 2 === 1 && b === 0x80 ? 0x81 : b,
  )
  expect(toPcm16Bytes(fromPcm16Bytes(bytes))).toEqual(bytes)
})
