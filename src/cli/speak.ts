/** `sparsewave speak`: text to a file, a pipe or the system's player, while it is synthesized. */
import { accessSync, constants, writeFileSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { Command } from 'commander'
import { emptyText, speakPieces } from '../api/text-pieces.ts'
import { requireFormat } from '../audio/encoders/index.ts'
import { nearest, SparsewaveError } from '../errors.ts'
import {
  type Chunk,
  encodeChunks,
  FORMATS,
  type Format,
  isMeasured,
  loadSynthesizer,
  looksLikeSsml,
  type SentenceTime,
  type Synthesizer,
} from '../synthesis/index.ts'
import { type Language, unreadableMessage } from '../text/index.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'
import { defaultVoice } from '../voices/catalogue.ts'
import { lexiconOption, readLexicon } from './lexicon.ts'
import { formatOption, pitchOption, seedOption, speedOption, vocoderOption, voiceOption } from './options.ts'
import { toFile, toStdout, writingFault } from './output.ts'
import { SystemPlayer } from './play.ts'
import { Progress } from './progress.ts'
import { stdinIsFile, type TextSource, textSource } from './text-source.ts'
import { timestampsWriter } from './timestamps.ts'

interface SpeakOptions {
  output?: string
  voice?: string
  vocoder?: VocoderKind
  seed?: number
  speed: number
  pitch: number
  format?: Format
  lexicon?: string
  ssml?: true
  timestamps?: string
  play?: true
}

const EXAMPLES = `
Examples:
  $ sparsewave speak "Hello there." -o hello.wav
  $ sparsewave speak --play "Hello there."
  $ sparsewave speak --seed 7 --vocoder source-filter "The same every time." -o same.wav
  $ sparsewave speak -o story.mp3 --timestamps story.srt < story.txt
  $ some-language-model | sparsewave speak --play
  $ sparsewave speak -o - --format pcm < story.txt | aplay -f S16_LE -r 24000

Text from a pipe is spoken while it is still being written: its first clause as soon as it is there.`

export function speakCommand(): Command {
  return new Command('speak')
    .description('speak a text into a file, a pipe (`-o -`) or the loudspeaker (`--play`)')
    .argument('[text...]', 'what to say (read from stdin when absent)')
    .option('-o, --output <file>', 'file to write, - for stdout')
    .option('--play', "play it through the system's player")
    .addOption(voiceOption())
    .addOption(vocoderOption())
    .addOption(seedOption())
    .addOption(speedOption())
    .addOption(pitchOption())
    .addOption(lexiconOption())
    .option('--ssml', 'the text is SSML (without it, text that begins with <speak> is)')
    .option('--timestamps <file>', 'write when each word is spoken: a name ending with .json, .srt or .vtt')
    .addOption(formatOption())
    .addHelpText('after', EXAMPLES)
    .action(speak)
}

async function speak(words: string[], options: SpeakOptions): Promise<void> {
  const output = options.output ?? (process.stdout.isTTY || options.play ? undefined : '-')
  // At a terminal the times alone may be asked for.
  if (output === undefined && !options.play && options.timestamps === undefined)
    throw new SparsewaveError('USAGE', 'Say where the audio is to go: `-o hello.wav`, `-o -` for a pipe, or `--play`.')
  const format = options.format ?? formatOf(output)
  requireFormat(format)
  const writeTimes = options.timestamps === undefined ? undefined : timestampsFile(options.timestamps)
  const lexicon = readLexicon(options.lexicon)
  const player = options.play ? new SystemPlayer() : undefined

  const source = textSource(words)
  const synthesizer = await loadSynthesizer(defaultVoice(options.voice), { vocoder: options.vocoder })
  const speech = await speechOf(source, synthesizer, { ...options, format, lexicon })
  const progress = new Progress(speech.text?.length)
  const sentences: SentenceTime[] = []
  let chunks = progress.watch(speech.chunks)
  if (writeTimes) chunks = collect(chunks, sentences)
  if (player) chunks = player.watch(chunks)
  let isWhole = true
  if (output === undefined) for await (const _ of chunks);
  else if (output === '-') isWhole = await toStdout(encodeChunks(chunks, format))
  else {
    let head: Uint8Array | undefined
    const bytes = encodeChunks(chunks, format, (known) => {
      head = known
    })
    await toFile(bytes, output, () => head)
  }
  writeTimes?.(sentences)
  progress.report(isWhole)
  await synthesizer.close()
}

/** The format that a file's name asks for. Throws USAGE for one that cannot be written. */
function formatOf(output: string | undefined): Format {
  const ending = extname(output ?? '').toLowerCase()
  // Opus is written in an Ogg file.
  if (ending === '.ogg' || ending === '.oga') return 'opus'
  const found = FORMATS.find((name) => ending === `.${name}`)
  if (found) return found
  if (ending === '' || output === '-') return 'wav'
  const near = nearest(ending.slice(1), FORMATS)
  throw new SparsewaveError('USAGE', `Files of the kind ${ending} cannot be written.`, {
    remedy: `Name the file with one of ${FORMATS.map((name) => `.${name}`).join(', ')}${near ? ` (did you mean .${near}?)` : ''}, or give --format.`,
  })
}

interface Settings extends Omit<SpeakOptions, 'lexicon' | 'format'> {
  readonly format: Format
  readonly lexicon: Record<string, string>
}

/** The chunks of a text: of a whole one, or of one that is still being written. `text` is there where it is known. */
async function speechOf(
  source: TextSource,
  synthesizer: Synthesizer,
  { speed, pitch, seed, vocoder, lexicon, ssml, format }: Settings,
): Promise<{ text?: string; chunks: AsyncIterable<Chunk> }> {
  const options = {
    speed,
    pitch,
    lexicon,
    ...(seed !== undefined && { seed }),
    ...(vocoder !== undefined && { vocoder }),
  }
  const isWhole = 'text' in source || stdinIsFile() || (await source.incoming.isWhole(ssml === true))
  if (!isWhole)
    return { chunks: speakPieces(synthesizer, warned(source.incoming.pieces(), synthesizer.language), options) }
  const text = 'text' in source ? source.text : await source.incoming.whole()
  if (text.trim() === '') throw emptyText()
  warnOfScripts(text, synthesizer.language)
  const measure = isMeasured(format, text)
  return { text, chunks: synthesizer.stream(text, { ...options, ssml: ssml ?? looksLikeSsml(text), measure }) }
}

/** Names on stderr the scripts of the text that are not read. */
function warnOfScripts(text: string, language: Language): void {
  const unreadable = language.unreadable(text)
  if (unreadable.length > 0)
    process.stderr.write(`Warning: ${unreadableMessage(unreadable, language)} \`sparsewave read\` shows where.\n`)
}

/** The pieces, with a warning at the first that is not read. */
async function* warned(pieces: AsyncIterable<string>, language: Language): AsyncGenerator<string> {
  let isWarned = false
  for await (const piece of pieces) {
    if (!isWarned && language.unreadable(piece).length > 0) {
      isWarned = true
      warnOfScripts(piece, language)
    }
    yield piece
  }
}

async function* collect(chunks: AsyncIterable<Chunk>, sentences: SentenceTime[]): AsyncGenerator<Chunk> {
  for await (const chunk of chunks) {
    if (chunk.sentence) sentences.push(chunk.sentence)
    yield chunk
  }
}

/** What writes the file of timestamps at the end. Throws USAGE at once when it cannot be written. */
function timestampsFile(file: string): (sentences: readonly SentenceTime[]) => void {
  const write = timestampsWriter(file)
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (cause) {
    throw writingFault(file, cause)
  }
  return (sentences) => {
    try {
      writeFileSync(file, write(sentences))
    } catch (cause) {
      throw writingFault(file, cause)
    }
  }
}
