import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SparsewaveError } from '../errors.ts'
import { PACKAGE_ROOT } from '../root.ts'
import { netConfigSchema } from '../vocoder/sparse-wavernn/config.ts'
import { listVoices, loadVoice, parseMixture, readVoice, type VoiceDescription, writeVoice } from './index.ts'

let modelsDir: string
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'voices-'))
})
afterEach(() => rmSync(modelsDir, { recursive: true }))

const description = (name: string): VoiceDescription => ({
  name,
  language: 'en-US',
  licence: 'Apache-2.0',
  symbols: 'abc ',
  net: netConfigSchema.parse({ hidden: 64 }),
  aliases: [`${name}-alias`],
})
const files = {
  'acoustic.onnx': Uint8Array.of(1, 2, 3),
  'conditioning.onnx': Uint8Array.of(4),
  'vocoder.safetensors': Uint8Array.of(5, 6),
  'MODEL_CARD.md': '# A card\n',
}
const write = (name: string, data = files) => writeVoice(join(modelsDir, name), description(name), data)

test('a written voice is listed and loads, with its defaults', async () => {
  await write('ada')
  await write('bob')
  expect(listVoices({ modelsDir })).toEqual(['ada', 'bob'])
  const { manifest, path } = await loadVoice('bob', { modelsDir })
  expect(manifest).toMatchObject({ name: 'bob', vocoder: 'sparse-wavernn', sampleRate: 24000 })
  expect(manifest.temperature.voiced).toEqual([1, 1, 1, 1])
  expect(readFileSync(path('MODEL_CARD.md'), 'utf8')).toBe('# A card\n')
})

test('a voice can be asked for by its alias', async () => {
  await write('ada')
  expect((await loadVoice('ada-alias', { modelsDir })).manifest.name).toBe('ada')
})

test('an unknown voice is refused with the nearest name', async () => {
  await write('ada')
  await expect(loadVoice('adda', { modelsDir })).rejects.toMatchObject({
    code: 'VOICE_UNKNOWN',
    message: "There is no voice 'adda'. Did you mean 'ada'?",
  })
  await expect(loadVoice('../ada', { modelsDir: join(modelsDir, 'ada') })).rejects.toMatchObject({
    code: 'VOICE_UNKNOWN',
  })
})

test('one flipped byte, a cut file and a missing file are refused by file and check', async () => {
  await write('ada')
  const file = join(modelsDir, 'ada', 'vocoder.safetensors')
  const refused = async (message: RegExp) =>
    await expect(loadVoice('ada', { modelsDir })).rejects.toMatchObject({
      code: 'VOICE_DAMAGED',
      message: expect.stringMatching(message),
    })
  writeFileSync(file, Uint8Array.of(5, 7))
  await refused(/vocoder\.safetensors does not match its checksum/)
  writeFileSync(file, Uint8Array.of(5))
  await refused(/vocoder\.safetensors has 1 bytes where voice\.json says 2/)
  rmSync(file)
  await refused(/vocoder\.safetensors is missing/)
})

test('a manifest that is damaged or of another format is refused', async () => {
  await write('ada')
  const file = join(modelsDir, 'ada', 'voice.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  const load = (value: unknown) => {
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
    return () => readVoice('ada', { modelsDir })
  }
  const error = (code: string, message: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(message) })
  expect(load('{')).toThrow(error('VOICE_DAMAGED', /voice\.json is not readable as JSON/))
  expect(load({ ...manifest, format: 'sparsewave-voice-2' })).toThrow(error('VOICE_MISMATCH', /sparsewave-voice-2/))
  expect(load({ ...manifest, sampleRate: 22050 })).toThrow(error('VOICE_DAMAGED', /'sampleRate'/))
  expect(load({ ...manifest, extra: 1 })).toThrow(error('VOICE_DAMAGED', /extra/))
  expect(load({ ...manifest, files: {} })).toThrow(error('VOICE_DAMAGED', /does not list acoustic\.onnx/))
  load(manifest)
  renameSync(join(modelsDir, 'ada'), join(modelsDir, 'eve'))
  expect(() => readVoice('eve', { modelsDir })).toThrow(error('VOICE_DAMAGED', /voice 'ada'/))
})

test('writing replaces a voice and leaves nothing beside it', async () => {
  await write('ada')
  await write('ada', { ...files, 'acoustic.onnx': Uint8Array.of(9) })
  const { path } = await loadVoice('ada', { modelsDir })
  expect([...readFileSync(path('acoustic.onnx'))]).toEqual([9])
  expect(readdirSync(modelsDir)).toEqual(['ada'])
})

test('an invalid description or an incomplete package is not written', async () => {
  const dir = join(modelsDir, 'ada')
  await expect(writeVoice(dir, { ...description('ada'), symbols: '' }, files)).rejects.toThrow(/'symbols'/)
  await expect(writeVoice(dir, description('ada'), { 'acoustic.onnx': '' })).rejects.toThrow(/conditioning\.onnx/)
  await expect(writeVoice(dir, description('eve'), files)).rejects.toThrow(/'eve'/)
  expect(readdirSync(modelsDir)).toEqual([])
})

test('every flipped bit of voice.json is noticed', async () => {
  await write('ada')
  const file = join(modelsDir, 'ada', 'voice.json')
  const whole = readFileSync(file)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    writeFileSync(file, flipped)
    expect(() => readVoice('ada', { modelsDir }), `byte ${at}`).toThrow(SparsewaveError)
  }
  writeFileSync(file, whole)
  expect(readVoice('ada', { modelsDir }).manifest.name).toBe('ada')
})

test('the voices that ship carry their checksums', () => {
  for (const name of listVoices({ modelsDir: join(PACKAGE_ROOT, 'models') }))
    expect(readVoice(name, { modelsDir: join(PACKAGE_ROOT, 'models') }).manifest.checksum).toMatch(/^[0-9a-f]{64}$/)
})

test('a models folder that is a file is refused in a sentence', () => {
  const file = join(modelsDir, 'models')
  writeFileSync(file, '')
  expect(() => listVoices({ modelsDir: file })).toThrow(
    expect.objectContaining({ code: 'VOICE_UNKNOWN', message: `The models folder ${file} is not a folder.` }),
  )
})

const english = (): Promise<unknown> =>
  writeVoice(
    join(modelsDir, 'english'),
    {
      ...description('english'),
      symbols: 'abc ',
      aliases: [],
      speakers: ['spk-a', 'spk-b'],
      voices: [
        { name: 'ann', language: 'en-US', speaker: 'spk-a', sex: 'female', description: 'Ann', aliases: ['nova'] },
        { name: 'ben', language: 'en-GB', speaker: 'spk-b', sex: 'male' },
      ],
    },
    files,
  )

test('a package of several voices is listed, read and described as each of them', async () => {
  await write('zoe')
  await english()
  expect(listVoices({ modelsDir })).toEqual(['ann', 'ben', 'zoe'])
  const ben = await loadVoice('ben', { modelsDir })
  expect(ben.manifest).toMatchObject({ name: 'ben', language: 'en-GB', speaker: 'spk-b', sex: 'male', symbols: 'abc ' })
  expect(ben.dir).toBe(join(modelsDir, 'english'))
  expect(readVoice('nova', { modelsDir }).manifest).toMatchObject({ name: 'ann', description: 'Ann' })
  // The package's own name means its first voice.
  expect(readVoice('english', { modelsDir }).manifest.name).toBe('ann')
  expect(() => readVoice('bin', { modelsDir })).toThrow("There is no voice 'bin'. Did you mean 'ben'?")
})

test('voices of one package are mixed, others are not', async () => {
  await write('zoe')
  await english()
  const mixed = readVoice('ben:0.6,nova:0.4', { modelsDir })
  expect(mixed.manifest).toMatchObject({ name: 'ben', language: 'en-GB' })
  expect(mixed.mixture).toEqual({ ben: 0.6, ann: 0.4 })
  expect(() => readVoice('ann:1,zoe:1', { modelsDir })).toThrow(expect.objectContaining({ code: 'VOICE_UNKNOWN' }))
  expect(() => readVoice('ann:1,dan:1', { modelsDir })).toThrow("There is no voice 'dan'.")
})

test.each([
  ['ann', undefined],
  ['ann:0.6,ben:0.4', { ann: 0.6, ben: 0.4 }],
  ['ann,ben:2', { ann: 1, ben: 2 }],
  [' ann:.5 , ben', { ann: 0.5, ben: 1 }],
])('the mixture %s', (name, expected) => {
  expect(parseMixture(name)).toEqual(expected)
})

test.each(['ann:0', 'ann:', ':1', 'ann,ann', 'a,b,c,d,e', 'ann:1e9', 'ann:-1,ben', ',', 'ann:99999'])(
  '%s is no mixture',
  (name) => {
    expect(() => parseMixture(name)).toThrow(expect.objectContaining({ code: 'VOICE_UNKNOWN' }))
  },
)
