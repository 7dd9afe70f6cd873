/** Sound through a program of the system that plays raw samples from its stdin. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { toPcm16Bytes } from '../audio/pcm.ts'
import { SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import type { Chunk } from '../synthesis/index.ts'

const rate = String(SAMPLE_RATE)

/** Programs in the order in which they are looked for, with their words for s16le, mono, from stdin. */
const PLAYERS: readonly (readonly [name: string, ...words: string[]])[] = [
  ['aplay', '-q', '-t', 'raw', '-f', 'S16_LE', '-r', rate, '-c', '1', '-'],
  ['paplay', '--raw', '--format=s16le', `--rate=${rate}`, '--channels=1'],
  ['pw-cat', '--playback', '--raw', '--format=s16', `--rate=${rate}`, '--channels=1', '-'],
  ['play', '-q', '-t', 'raw', '-e', 'signed', '-b', '16', '-r', rate, '-c', '1', '-'],
  ['ffplay', '-loglevel', 'error', '-nodisp', '-autoexit', '-f', 's16le', '-ar', rate, '-ch_layout', 'mono', '-i', '-'],
  [
    'mpv',
    '--no-terminal',
    '--demuxer=rawaudio',
    '--demuxer-rawaudio-format=s16le',
    `--demuxer-rawaudio-rate=${rate}`,
    '--demuxer-rawaudio-channels=1',
    '-',
  ],
]

/** The first of the programs that is installed. */
function findPlayer(): (typeof PLAYERS)[number] | undefined {
  return PLAYERS.find(([name]) => {
    const { error } = spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 5000 })
    return (error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT'
  })
}

/** A program that plays what it is given. */
export class SystemPlayer {
  readonly #name: string
  readonly #child: ChildProcess
  #faults = ''
  readonly #ended: Promise<number | null>
  #isOver = false

  /** Throws USAGE when there is no such program. */
  constructor() {
    const found = findPlayer()
    if (!found)
      throw new SparsewaveError('USAGE', 'There is no program here that plays audio.', {
        remedy: `Install one of ${PLAYERS.map(([name]) => name).join(', ')}, or write a file with \`-o hello.wav\`.`,
      })
    const [name, ...words] = found
    this.#name = name
    this.#child = spawn(name, words, { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#child.stdin!.on('error', () => {})
    this.#child.stderr!.on('data', (data) => {
      this.#faults += data
    })
    this.#ended = once(this.#child, 'close').then(
      ([code]) => code as number | null,
      () => null,
    )
    void this.#ended.then(() => {
      this.#isOver = true
    })
  }

  /** Hands samples on to the player, at its pace. Throws USAGE when it has gone. */
  async *watch(chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
    const stdin = this.#child.stdin!
    try {
      for await (const chunk of chunks) {
        if (this.#isOver) break
        if (chunk.samples.length > 0 && !stdin.write(toPcm16Bytes(chunk.samples)))
          await Promise.race([once(stdin, 'drain').catch(() => {}), this.#ended])
        yield chunk
      }
      stdin.end()
      const code = await this.#ended
      if (code !== 0) throw this.#failure(code)
    } finally {
      stdin.destroy()
    }
  }

  #failure(code: number | null): SparsewaveError {
    const said = this.#faults.trim().split('\n').at(-1)
    return new SparsewaveError(
      'USAGE',
      `${this.#name} could not play: ${said || (code === null ? 'it was ended.' : `it ended with status ${code}.`)}`,
      { remedy: 'Check that sound works here, or write a file with `-o hello.wav`.' },
    )
  }
}
