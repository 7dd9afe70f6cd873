import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readOpus } from './opus.ts'

// sox -n -r 24000 -c 1 -b 16 t.wav synth 0.2 sine 440 vol 0.5; opusenc --serial 1 --bitrate 24 t.wav tone.opus
const path = fileURLToPath(new URL('./testdata/tone.opus', import.meta.url))

test('a file is decoded at 24 kHz, in its length and in time', async () => {
  const x = await readOpus(path)
  expect(x.length).toBe(4800)
  let error = 0
  let energy = 0
  for (let i = 600; i < 4200; i++) {
    const expected = 0.5 * Math.sin((2 * Math.PI * 440 * i) / 24000)
    error += (x[i]! - expected) ** 2
    energy += expected ** 2
  }
  expect(error / energy).toBeLessThan(0.01)
})

test('bytes give the same samples as the path', async () => {
  expect(await readOpus(readFileSync(path))).toEqual(await readOpus(path))
})

test('the end is cut or padded to the asked length', async () => {
  const whole = await readOpus(path)
  expect(await readOpus(path, 1000)).toEqual(whole.subarray(0, 1000))
  const padded = await readOpus(path, 5000)
  expect(padded.length).toBe(5000)
  expect(padded.subarray(0, 4800)).toEqual(whole)
  expect(padded.subarray(4800).every((v) => v === 0)).toBe(true)
})

test('a missing file and bytes that are no Opus throw AUDIO_INVALID', async () => {
  for (const source of [
    '/nonexistent/a.opus',
    new Uint8Array(0),
    new Uint8Array(1000).fill(7),
    readFileSync(path).subarray(0, 60),
  ])
    await expect(readOpus(source)).rejects.toMatchObject({ code: 'AUDIO_INVALID' })
})
