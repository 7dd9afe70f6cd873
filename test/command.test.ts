/**
 * The command and the server as they ship, with the tiny voice: real processes, threads, sockets and files.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readWav } from '../src/audio/wav.ts'

const ROOT = join(import.meta.dirname, '..')
const COMMAND = join(ROOT, 'bin/sparsewave.mjs')
const TEXT = 'The birch canoe slid on the smooth planks. Nobody paid $3.50 for it!'
const LONG = 'Every sentence of this long text says much the same thing as the one before it did. '.repeat(40)

const folder = mkdtempSync(join(tmpdir(), 'sparsewave-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Result {
  code: number
  stdout: Buffer
  stderr: string
}

async function sparsewave(
  args: string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: { ...process.env, ...options.env } })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (data) => stdout.push(data))
  child.stderr.on('data', (data) => {
    stderr += data
  })
  child.stdin.end(options.input ?? '')
  const [code] = await once(child, 'close')
  return { code, stdout: Buffer.concat(stdout), stderr }
}

/** Starts `sparsewave serve` on a free port. */
async function serve(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [COMMAND, 'serve', '--port', '0', '--voice', 'tiny', '--workers', '1'], {
    env: { ...process.env, ...env },
  })
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      log += data
      const found = /Listening on (http:\/\/localhost:\d+)/.exec(log)?.[1]
      if (found) resolve(found)
    })
    child.on('close', () => reject(new Error(log)))
  })
  return { child, url, log: () => log }
}

let server: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  server = await serve()
}, 60_000)
afterAll(() => server?.child.kill('SIGKILL'))

const post = (body: object) => fetch(`${server.url}/v1/audio/speech`, { method: 'POST', body: JSON.stringify(body) })

for (const vocoder of ['sparse-wavernn', 'source-filter'])
  for (const format of ['wav', 'pcm'])
    test(`speak and server give the same ${format} bytes for the same seed with ${vocoder}`, async () => {
      const file = join(folder, `${vocoder}.${format}`)
      const spoken = await sparsewave([
        'speak',
        TEXT,
        '-o',
        file,
        '--voice',
        'tiny',
        '--seed',
        '7',
        '--vocoder',
        vocoder,
        '--format',
        format,
      ])
      expect(spoken.stderr).toMatch(/time to first audio \d+ ms, real-time factor \d/)
      expect(spoken.code).toBe(0)
      const response = await post({ input: TEXT, voice: 'tiny', seed: 7, vocoder, response_format: format })
      expect(response.status).toBe(200)
      const served = Buffer.from(await response.arrayBuffer())
      expect(served.length).toBeGreaterThan(24000)
      expect(served.equals(readFileSync(file))).toBe(true)
    })

test('text from stdin to stdout gives the bytes of the file', async () => {
  const file = join(folder, 'piped.wav')
  await sparsewave(['speak', TEXT, '-o', file, '--voice', 'tiny', '--seed', '1'])
  const piped = await sparsewave(['speak', '--voice', 'tiny', '--seed', '1', '-o', '-'], { input: TEXT })
  expect(piped.stdout.equals(readFileSync(file))).toBe(true)
  const { sampleRate, samples } = readWav(file)
  expect(sampleRate).toBe(24000)
  expect(Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length)).toBeGreaterThan(0.005)
})

test('text from a pipe is spoken before its writer has come to the end', async () => {
  const child = spawn(process.execPath, [COMMAND, 'speak', '--voice', 'tiny', '-o', '-', '--format', 'pcm'])
  let bytes = 0
  let firstAudio = (): void => {}
  const heard = new Promise<void>((resolve) => {
    firstAudio = resolve
  })
  child.stdout.on('data', (data) => {
    bytes += data.length
    firstAudio()
  })
  child.stdin.write('Well then my dear Doctor Smith, ')
  // The rest is written only now: a command that waited for the end would hang here.
  await heard
  const before = bytes
  child.stdin.end('this is the end.')
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  expect(bytes).toBeGreaterThan(before)
})

test('a WAV file names its length, also of a long text; timestamps, pitch and lexicon have their effect', async () => {
  const [file, times, words] = ['long.wav', 'long.json', 'words.json'].map((name) => join(folder, name))
  writeFileSync(words!, '{"thing": "θˈɪŋ"}')
  const text = LONG.slice(0, 900)
  const args = ['--voice', 'tiny', '--seed', '1', '--vocoder', 'source-filter', '-o', file!]
  const { code, stderr } = await sparsewave(['speak', text, ...args, '--timestamps', times!])
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('s of audio') })
  const wav = readFileSync(file!)
  expect(wav.readUInt32LE(40)).toBe(wav.length - 44)
  expect(wav.readUInt32LE(4)).toBe(wav.length - 8)
  const sentences = JSON.parse(readFileSync(times!, 'utf8')) as { to: number; words: { text: string }[] }[]
  expect(sentences.at(-1)!.to).toBeLessThanOrEqual((wav.length - 44) / 48000)
  expect(sentences[0]!.words.map((word) => word.text).slice(0, 3)).toEqual(['Every', 'sentence', 'of'])
  const changed = await sparsewave(['speak', text, ...args, '--pitch', '1.5', '--lexicon', words!])
  expect(changed.code).toBe(0)
  expect(readFileSync(file!).equals(wav)).toBe(false)
})

test('--play hands the samples to the player of the system, and says when it cannot play', async () => {
  const programs = join(folder, 'programs')
  mkdirSync(programs)
  const player = join(programs, 'aplay')
  const heard = join(folder, 'heard.pcm')
  const write = (script: string) => {
    writeFileSync(player, `#!/bin/sh\n[ "$1" = --version ] && exit 0\n${script}\n`)
    chmodSync(player, 0o755)
  }
  const env = { PATH: `${programs}:/usr/bin:/bin` }
  const args = ['speak', 'Hello there.', '--voice', 'tiny', '--seed', '1', '--play']
  write(`exec cat > ${heard}`)
  const file = join(folder, 'played.pcm')
  expect(await sparsewave([...args, '-o', file], { env })).toMatchObject({ code: 0 })
  expect(readFileSync(heard).length).toBeGreaterThan(24000)
  expect(readFileSync(heard).equals(readFileSync(file))).toBe(true)
  write('echo "no such device" >&2; exit 1')
  const failed = await sparsewave(args, { env })
  expect(failed.stderr).toContain('aplay could not play: no such device\n')
  expect(failed.code).toBe(2)
})

test('a reader that goes while audio is written is a sentence and no fault', async () => {
  const child = spawn(process.execPath, [COMMAND, 'speak', LONG, '--voice', 'tiny', '-o', '-'])
  child.stdout.once('data', () => child.stdout.destroy())
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const [code] = await once(child, 'close')
  expect(stderr).toMatch(/^The reader of the pipe has gone after \d+\.\d s of audio\.\n$/)
  expect(code).toBe(0)
})

test('streams made at the same time are what they are alone', async () => {
  const ask = async (seed: number) =>
    Buffer.from(await (await post({ input: TEXT, voice: 'tiny', seed, response_format: 'pcm' })).arrayBuffer())
  const alone = [await ask(1), await ask(2), await ask(3)]
  const together = await Promise.all([ask(1), ask(2), ask(3)])
  together.forEach((bytes, i) => {
    expect(bytes.equals(alone[i]!)).toBe(true)
  })
})

test('a client that leaves in the middle frees its stream', async () => {
  const response = await post({ input: LONG, voice: 'tiny', response_format: 'pcm' })
  const reader = response.body!.getReader()
  await reader.read()
  await reader.cancel()
  const active = async () => /^tts_streams_active (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())![1]
  while ((await active()) !== '0') {}
})

test('SIGTERM lets the running request finish', async () => {
  const own = await serve()
  const response = await fetch(`${own.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: TEXT, voice: 'tiny', seed: 7, response_format: 'pcm' }),
  })
  own.child.kill('SIGTERM')
  const bytes = Buffer.from(await response.arrayBuffer())
  const [code] = await once(own.child, 'close')
  expect(code).toBe(0)
  const whole = await post({ input: TEXT, voice: 'tiny', seed: 7, response_format: 'pcm' })
  expect(bytes.equals(Buffer.from(await whole.arrayBuffer()))).toBe(true)
})

test.each([
  [['speak', '   ', '-o', 'x.wav'], 'no text'],
  [['speak', 'Hi.', '-o', 'x.wav', '--voice', 'tyni'], 'tiny'],
  [['speak', 'Hi.', '-o', 'x.wav', '--vocoder', 'source-filtre'], 'source-filter'],
  [['speak', 'Hi.', '-o', 'x.wav', '--speed', '9'], '0.25'],
  [['speak', 'Hi.', '-o', 'no/such/folder/x.wav', '--voice', 'tiny'], 'no/such/folder'],
  [['speak', 'Hi.', '-o', 'x.m4a', '--voice', 'tiny'], '.m4a'],
  [['speak', 'Hi.', '-o', 'x.wav', '--timestamps', 'x.txt'], '.srt'],
  [['speak', 'Hi.', '-o', 'x.wav', '--lexicon', 'no-such.json'], 'no-such.json'],
  [['speek', 'Hi.'], 'speak'],
  [['serve', '--port', 'http'], '65535'],
])('%j is refused with a sentence and exit code 2', async (args, part) => {
  const { code, stderr } = await sparsewave(args as string[])
  expect(stderr).toContain(part)
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(code).toBe(2)
})

test('ports and addresses that cannot be had, and a models path that is a file, are sentences', async () => {
  const taken = createServer().listen(0)
  await once(taken, 'listening')
  const port = String((taken.address() as { port: number }).port)
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  const serving = ['serve', '--voice', 'tiny', '--workers', '1', '--port']
  for (const [args, env, part] of [
    [[...serving, port], {}, `Port ${port} is taken.`],
    [[...serving, '0', '--wyoming-port', port], {}, `The Wyoming port ${port} is taken.`],
    [[...serving, '0', '--host', '203.0.113.7'], {}, 'The address 203.0.113.7 is not one of this machine.'],
    [[...serving, '0', '--host', 'no such host'], {}, 'The address no such host'],
    [['voices'], { SPARSEWAVE_MODELS: file }, `The models folder ${file} is not a folder.`],
    [[...serving, '0'], { SPARSEWAVE_KEYS_FILE: folder }, 'cannot be read'],
  ] as const) {
    const { code, stderr } = await sparsewave([...args], { env })
    expect(stderr).toContain(part)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(2)
  }
  taken.close()
}, 120_000)

test.runIf(existsSync('/dev/full'))(
  'a full disk is a sentence for speak, and no end for a server',
  async () => {
    const speaking = await sparsewave([
      'speak',
      'Hello there.',
      '--voice',
      'tiny',
      '-o',
      '/dev/full',
      '--format',
      'wav',
    ])
    expect(speaking.stderr).toContain('The disk is full: /dev/full is not complete.')
    expect(speaking.code).toBe(2)
    const piped = spawn(
      'sh',
      ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, COMMAND, 'speak', 'Hi.', '--voice', 'tiny', '-o', '-'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    piped.stderr.on('data', (data) => {
      said += data
    })
    const [full] = await once(piped, 'close')
    expect(said).toMatch(/^The disk is full: the output is not complete\.\n[^\n]+\n$/)
    expect(full).toBe(2)
    const child = spawn(
      'sh',
      ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, COMMAND, 'serve', '--port', '0', '--voice', 'tiny'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let log = ''
    for await (const piece of child.stderr) {
      log += piece
      if (log.includes('Listening')) break
    }
    const url = /Listening on (\S+)/.exec(log)![1]
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/v1/models`)).status).toBe(200)
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
  },
  60_000,
)

test('a voice with one byte flipped is refused by name, and told by doctor', async () => {
  const models = join(folder, 'models')
  cpSync(join(ROOT, 'models/tiny'), join(models, 'tiny'), { recursive: true })
  const file = join(models, 'tiny/vocoder.safetensors')
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(file, bytes)
  const env = { SPARSEWAVE_MODELS: models }
  for (const args of [['speak', 'Hi.', '-o', join(folder, 'never.wav')], ['serve', '--port', '0'], ['doctor']]) {
    const { code, stdout, stderr } = await sparsewave(args, { env })
    expect(`${stdout}${stderr}`).toContain('vocoder.safetensors')
    expect(code).toBe(2)
  }
  expect(existsSync(join(folder, 'never.wav'))).toBe(false)
})

test('doctor names the CPU, the kernel and the voices', async () => {
  const { code, stdout } = await sparsewave(['doctor'])
  expect(stdout.toString()).toMatch(/cpu +\S.*\n[\s\S]*chosen +(native|wasm|reference)[\s\S]*tiny .*files whole/)
  expect(stdout.toString()).toMatch(/Formats\n[\s\S]* wav +can be written\n/)
  expect(code).toBe(0)
})

test('a wrong setting is named and refused', async () => {
  const { code, stderr } = await sparsewave(['serve'], { env: { SPARSEWAVE_QUEUE: 'many' } })
  expect(stderr).toContain('SPARSEWAVE_QUEUE')
  expect(code).toBe(2)
})

test('a reader that closes the pipe early is no fault', async () => {
  const child = spawn(process.execPath, [COMMAND, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const [code] = await once(child, 'close')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})
