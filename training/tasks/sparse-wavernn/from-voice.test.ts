import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FRAME_FEATURES, netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { MANIFEST_FILE } from 'sparsewave/internal/voices/manifest'
import { afterAll, expect, test } from 'vitest'
import { syntheticMasks, syntheticParameters } from '../../engines/synthetic.ts'
import { exportConditioning, exportVocoder } from '../../export/index.ts'
import { maskedSegments, parameterLayout } from '../../net/vocoder-layout.ts'
import { openCheckpoint } from './open.ts'

const layout = parameterLayout(netConfigSchema.parse({ hidden: 48, headHidden: 32, conditioning: 32 }))
const parameters = syntheticParameters(layout, 2)
const masks = syntheticMasks(layout, 1)
const normalization = {
  mean: Float32Array.from({ length: FRAME_FEATURES }, (_, i) => i / 7),
  std: Float32Array.from({ length: FRAME_FEATURES }, (_, i) => 1 + i / 9),
}
const folder = mkdtempSync(path.join(tmpdir(), 'from-voice-'))
writeFileSync(path.join(folder, 'vocoder.safetensors'), exportVocoder(layout, parameters, masks))
writeFileSync(path.join(folder, 'conditioning.onnx'), exportConditioning(layout, parameters, normalization))
writeFileSync(path.join(folder, MANIFEST_FILE), '{}')
afterAll(() => rmSync(folder, { recursive: true }))

test('a package read back and exported again is the same package', () => {
  const c = openCheckpoint(folder)
  const read = new Map(Object.entries(c.masks) as [string, Uint16Array][])
  expect(read).toEqual(new Map([...masks].map(([name, mask]) => [name, Uint16Array.from(mask)])))
  expect(exportVocoder(layout, c.average, read)).toEqual(exportVocoder(layout, parameters, masks))
  expect(exportConditioning(layout, c.average, c.normalization)).toEqual(
    exportConditioning(layout, parameters, normalization),
  )
  expect(c.net).toEqual(layout.config)
})

test('dropped blocks are 0, moments start anew', () => {
  const c = openCheckpoint(folder)
  for (const s of maskedSegments(layout)) {
    const kept = masks.get(s.name)!
    for (let strip = 0; strip < s.rows / 16; strip++)
      for (let column = 0; column < s.columns; column++) {
        if (kept.subarray(strip * s.kept, (strip + 1) * s.kept).includes(column)) continue
        const at = s.offset + (strip * s.columns + column) * 16
        expect(c.average.subarray(at, at + 16).every((v) => v === 0)).toBe(true)
      }
  }
  expect(c.first.every((v) => v === 0) && c.second.every((v) => v === 0)).toBe(true)
})

test('a conditioning net of other sizes, or none at all, is refused with its name', () => {
  const other = parameterLayout(netConfigSchema.parse({ hidden: 48, headHidden: 32, conditioning: 16 }))
  const file = path.join(folder, 'conditioning.onnx')
  writeFileSync(file, exportConditioning(other, syntheticParameters(other, 1), normalization))
  expect(() => openCheckpoint(folder)).toThrow(/conditioning\.onnx has no layer\.0\.weight of/)
  writeFileSync(file, Uint8Array.of(0x3a, 0x20, 1))
  expect(() => openCheckpoint(folder)).toThrow(/conditioning\.onnx is not a readable ONNX model/)
})
