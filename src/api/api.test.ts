import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readWav } from '../audio/wav.ts'
import {
  AUDIO_FORMATS,
  AUDIO_RATES,
  audioMediaType,
  encode,
  listVoices,
  openVoice,
  type SpeechChunk,
  type Voice,
} from '../index.ts'
import { PACKAGE_ROOT } from '../root.ts'

const TEXT = 'Seven boats, two dogs. Is that all?'
const folder = mkdtempSync(join(tmpdir(), 'sparsewave-api-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let voice: Voice
beforeAll(async () => {
  voice = await openVoice('tiny')
})
afterAll(() => voice.close())

async function samplesOf(stream: AsyncIterable<SpeechChunk>): Promise<number[]> {
  const all: number[] = []
  for await (const { samples } of stream) all.push(...samples)
  return all
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('the same seed gives the same samples, another seed others', async () => {
  const first = await samplesOf(voice.stream(TEXT, { seed: 3 }))
  expect(first.length).toBeGreaterThan(voice.sampleRate)
  expect(await samplesOf(voice.stream(TEXT, { seed: 3 }))).toEqual(first)
  expect(await samplesOf(voice.stream(TEXT, { seed: 4 }))).not.toEqual(first)
})

test('chunks carry the times of sentences and words', async () => {
  const words: string[] = []
  let end = 0
  for await (const { sentence } of voice.stream(TEXT, { seed: 3 }))
    for (const { text, from, to } of sentence?.words ?? []) {
      expect(from).toBeGreaterThanOrEqual(end)
      expect(to).toBeGreaterThan(from)
      end = to
      words.push(text)
    }
  expect(words).toEqual(['Seven', 'boats', 'two', 'dogs', 'Is', 'that', 'all'])
})

test('speak gives a WAV whose header names its length, with the samples of the stream', async () => {
  const { samples, sampleRate } = readWav(await voice.speak(TEXT, { seed: 3 }))
  const streamed = await samplesOf(voice.stream(TEXT, { seed: 3 }))
  expect(sampleRate).toBe(24000)
  expect(samples.length).toBe(streamed.length)
  expect(Math.max(...samples.map((value, i) => Math.abs(value - streamed[i]!)))).toBeLessThan(1 / 32000)
})

test.each(AUDIO_FORMATS.filter((format) => format !== 'aac'))(
  '%s comes whole from speak and in pieces from encode',
  async (format) => {
    const whole = await voice.speak('Good night.', { seed: 1, format })
    const pieces = await bytesOf(encode(voice.stream('Good night.', { seed: 1 }), { format }))
    expect(whole.length).toBeGreaterThan(500)
    // A streamed header names no length, and what follows an odd number of bytes in WAV depends on it.
    const head = { wav: 44, 'wav-mulaw': 58, 'wav-alaw': 58, mp3: 192 }[format as string] ?? 0
    if (format === 'flac') expect(pieces.length).toBe(whole.length)
    else expect(pieces.subarray(head)).toEqual(Buffer.from(whole.subarray(head, pieces.length)))
  },
)

test('every rate scales the length', async () => {
  const reference = (await voice.speak('Good night.', { seed: 1, format: 'pcm' })).length / 24000
  for (const sampleRate of AUDIO_RATES) {
    const bytes = await voice.speak('Good night.', { seed: 1, format: 'pcm', sampleRate })
    expect(bytes.length / sampleRate / reference).toBeCloseTo(1, 3)
  }
})

test('text in pieces is spoken before its end has been written', async () => {
  let goOn = (): void => {}
  const later = new Promise<void>((resolve) => {
    goOn = resolve
  })
  async function* tokens() {
    yield* ['Seven bo', 'ats went', ' out today. ', 'Then ']
    await later
    yield 'they came back.'
  }
  const spoken: string[] = []
  for await (const { sentence } of voice.stream(tokens(), { seed: 3 })) {
    if (sentence) spoken.push(sentence.text)
    // Only now does the rest come: a stream that waited for the end would hang here.
    goOn()
  }
  expect(spoken).toEqual(['Seven boats went out today.', 'Then they came back.'])
})

test('an error of the source is thrown after what came before it', async () => {
  async function* tokens() {
    yield 'One boat came home. And '
    throw new Error('the model is gone')
  }
  const spoken: string[] = []
  const reading = (async () => {
    for await (const { sentence } of voice.stream(tokens())) if (sentence) spoken.push(sentence.text)
  })()
  await expect(reading).rejects.toThrow('the model is gone')
  expect(spoken[0]).toBe('One boat came home.')
})

test('breaking out of the loop ends the source', async () => {
  let returned = false
  async function* tokens() {
    try {
      for (;;) yield 'On and on it goes. '
    } finally {
      returned = true
    }
  }
  for await (const { samples } of voice.stream(tokens())) if (samples.length > 0) break
  await new Promise((resolve) => setImmediate(resolve))
  expect(returned).toBe(true)
})

test('a signal stops the stream with its reason', async () => {
  const stop = new AbortController()
  const reading = (async () => {
    for await (const { samples } of voice.stream(TEXT, { signal: stop.signal }))
      if (samples.length > 0) stop.abort(new Error('enough'))
  })()
  await expect(reading).rejects.toThrow('enough')
  await expect(voice.speak(TEXT, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
})

test('SSML is known by its root, and its marks come out', async () => {
  const marks: string[] = []
  const document = '<speak>One boat. <mark name="here"/><break time="1s"/> Two boats.</speak>'
  let samples = 0
  for await (const chunk of voice.stream(document, { seed: 1 })) {
    samples += chunk.samples.length
    if (chunk.mark !== undefined) marks.push(chunk.mark)
  }
  expect(samples).toBeGreaterThan(24000)
  expect(samples).not.toBe((await samplesOf(voice.stream(document, { seed: 1, ssml: false }))).length)
})

test('a lexicon changes what is said', async () => {
  const [plain, given] = await Promise.all([
    samplesOf(voice.stream('Two dogs.', { seed: 1 })),
    samplesOf(voice.stream('Two dogs.', { seed: 1, lexicon: { dogs: '/ɪˈlɛfənts/' } })),
  ])
  expect(given).not.toEqual(plain)
})

test.each([
  [{ speed: 9 }, 'speed must be a number from 0.25 to 4, not 9.'],
  [{ pitch: Number.NaN }, 'pitch must be a number from 0.5 to 2, not NaN.'],
  [{ seed: 1.5 }, 'seed must be a whole number from 0 to 4294967295, not 1.5.'],
  [{ vocoder: 'sorce-filter' as 'source-filter' }, "Did you mean 'source-filter'?"],
  [{ format: 'mp4' as 'mp3' }, "Did you mean 'mp3'?"],
  [{ sampleRate: 44000 as 44100 }, 'sampleRate must be 8000'],
])('%j is refused by name', async (options, message) => {
  await expect(voice.speak(TEXT, options)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    message: expect.stringContaining(message),
  })
})

test('no text is refused, in pieces too, and marks or emoji alone are silence', async () => {
  await expect(voice.speak(' \n ')).rejects.toMatchObject({ code: 'INPUT_EMPTY' })
  await expect(voice.speak([' ', ''])).rejects.toMatchObject({ code: 'INPUT_EMPTY' })
  for (const text of [' ... ', [' ', '\u{1f600}']]) {
    const pcm = await voice.speak(text, { format: 'pcm' })
    expect(pcm.length).toBeGreaterThan(0)
    expect(pcm.every((byte) => byte === 0)).toBe(true)
  }
})

test('closing ends streams that run, read or not, and refuses new ones', async () => {
  const short = await openVoice('tiny')
  const held = short.stream(TEXT)
  await held.next()
  const never = short.stream(
    (async function* () {
      yield 'One boat came home. '
      await new Promise(() => {})
    })(),
  )
  const waiting = (async () => {
    for await (const _ of never);
  })()
  await never.next()
  await Promise.all([short.close(), expect(waiting).rejects.toMatchObject({ code: 'VOICE_CLOSED' })])
  await short.close()
  await expect(held.next()).rejects.toMatchObject({ code: 'VOICE_CLOSED' })
  await expect(short.speak(TEXT)).rejects.toMatchObject({ code: 'VOICE_CLOSED' })
})

test('voices are listed with what is known of them, and opened by name, alias or folder', async () => {
  const voices = await listVoices()
  expect(voices.find(({ name }) => name === 'heart')).toMatchObject({ language: 'en-US', isDefault: true })
  expect(voices.filter(({ isDefault }) => isDefault)).toHaveLength(1)
  expect(await listVoices({ modelsDir: folder })).toEqual([])
  vi.stubEnv('SPARSEWAVE_VOICE', 'nobody')
  expect((await listVoices()).some(({ isDefault }) => isDefault)).toBe(false)
  await expect(openVoice()).rejects.toMatchObject({ code: 'VOICE_UNKNOWN' })
  vi.unstubAllEnvs()
  const byPath = await openVoice(join(PACKAGE_ROOT, 'models/tiny'), { vocoder: 'source-filter' })
  expect(byPath.name).toBe('tiny')
  await byPath.close()
  await expect(openVoice('tinny')).rejects.toMatchObject({ code: 'VOICE_UNKNOWN' })
  await expect(openVoice(undefined, { modelsDir: folder })).rejects.toMatchObject({ code: 'VOICE_UNKNOWN' })
})

test('media types are those of the formats', () => {
  expect(audioMediaType()).toBe('audio/wav')
  expect(audioMediaType({ format: 'pcm', sampleRate: 8000 })).toBe('audio/pcm;rate=8000;channels=1')
})
