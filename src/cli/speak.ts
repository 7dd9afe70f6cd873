/** `sparsewave speak`: text to a file or a pipe, written while it is synthesized. */
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { extname } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { Command } from 'commander'
import { requireFormat } from '../audio/encoders/index.ts'
import { SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import { type Chunk, encodeChunks, FORMATS, type Format, isMeasured, loadSynthesizer } from '../synthesis/index.ts'
import { unreadableMessage } from '../text/index.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'
import { defaultVoice } from '../voices/catalogue.ts'
import { formatOption, seedOption, speedOption, vocoderOption, voiceOption } from './options.ts'

interface SpeakOptions {
  output?: string
  voice?: string
  vocoder?: VocoderKind
  seed?: number
  speed: number
  format?: Format
}

const EXAMPLES = `
Examples:
  $ sparsewave speak "Hello there." -o hello.wav
  $ sparsewave speak --seed 7 --vocoder source-filter "The same every time." -o same.wav
  $ sparsewave speak -o - --format pcm < story.txt | aplay -f S16_LE -r 24000`

export function speakCommand(): Command {
  return new Command('speak')
    .description('speak a text into a file, or into a pipe with `-o -`')
    .argument('[text...]', 'what to say (read from stdin when absent)')
    .option('-o, --output <file>', 'file to write, - for stdout')
    .addOption(voiceOption())
    .addOption(vocoderOption())
    .addOption(seedOption())
    .addOption(speedOption())
    .addOption(formatOption())
    .addHelpText('after', EXAMPLES)
    .action(speak)
}

async function speak(words: string[], options: SpeakOptions): Promise<void> {
  const output = options.output ?? (process.stdout.isTTY ? undefined : '-')
  if (output === undefined)
    throw new SparsewaveError('USAGE', 'Say where the audio is to go: `-o hello.wav`, or `-o -` for a pipe.')
  const text = words.length > 0 ? words.join(' ') : await readStdin()
  if (text.trim() === '') throw new SparsewaveError('INPUT_EMPTY', 'There is no text to speak.')
  const format = options.format ?? FORMATS.find((name) => extname(output).toLowerCase() === `.${name}`) ?? 'wav'
  requireFormat(format)

  const synthesizer = await loadSynthesizer(defaultVoice(options.voice), { vocoder: options.vocoder })
  const { language } = synthesizer
  const unreadable = language.unreadable(text)
  if (unreadable.length > 0)
    process.stderr.write(`Warning: ${unreadableMessage(unreadable, language)} \`sparsewave read\` shows where.\n`)
  const meter = new Meter()
  const chunks = synthesizer.stream(text, {
    speed: options.speed,
    measure: isMeasured(format, text),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.vocoder !== undefined && { vocoder: options.vocoder }),
  })
  const bytes = encodeChunks(meter.watch(chunks), format)
  if (output === '-') await toStdout(bytes)
  else await toFile(bytes, output)
  meter.report()
  await synthesizer.close()
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Type the text, then Ctrl-D.\n')
  return readAll(process.stdin)
}

async function toStdout(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  let failure: Error | undefined
  process.stdout.on('error', (error) => {
    failure = error
  })
  for await (const piece of bytes) {
    if (!process.stdout.write(piece) && !failure)
      await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')])
    if (failure) throw failure
  }
}

async function toFile(bytes: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  let file: number | undefined
  try {
    for await (const piece of bytes) {
      // Opened with the first bytes, so that a text or voice that is refused leaves no empty file behind.
      file ??= open(path)
      write(file, piece, path)
    }
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function write(file: number, piece: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT')
      throw new SparsewaveError('USAGE', `Writing ${path} failed: ${message}.`, { remedy: 'Name another file.', cause })
    throw new SparsewaveError('DISK_FULL', `The disk is full: ${path} is not complete.`, {
      remedy: 'Make room, or name a file on another disk.',
      cause,
    })
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'its folder does not exist' : (cause as Error).message
    throw new SparsewaveError('USAGE', `Cannot write ${path}: ${reason}.`, {
      remedy: 'Name a file in a folder that can be written to.',
      cause,
    })
  }
}

/** Measures a stream: seconds of audio, time to first audio, real-time factor. */
class Meter {
  readonly #started = performance.now()
  #firstAudio: number | undefined
  #samples = 0

  async *watch(chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
    for await (const chunk of chunks) {
      if (chunk.samples.length > 0) this.#firstAudio ??= performance.now()
      this.#samples += chunk.samples.length
      if (process.stderr.isTTY && chunk.sentence) process.stderr.write(`\r${this.#seconds().toFixed(1)} s of audio`)
      yield chunk
    }
  }

  report(): void {
    if (process.stderr.isTTY) process.stderr.write('\r')
    const took = (performance.now() - this.#started) / 1000
    const first = (this.#firstAudio ?? performance.now()) - this.#started
    process.stderr.write(
      `${this.#seconds().toFixed(2)} s of audio in ${took.toFixed(2)} s; ` +
        `time to first audio ${first.toFixed(0)} ms, real-time factor ${(took / this.#seconds()).toFixed(3)}\n`,
    )
  }

  #seconds(): number {
    return this.#samples / SAMPLE_RATE
  }
}
