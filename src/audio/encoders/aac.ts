/**
 * AAC (ADTS) by the system's ffmpeg, since npm has no encoder under a permissive licence: one process per stream, with
 * samples to its stdin and bytes from its stdout.
 */
import { spawn, spawnSync } from 'node:child_process'
import { joinBytes } from '../../arrays.ts'
import { SparsewaveError } from '../../errors.ts'
import { toPcm16Bytes } from '../pcm.ts'
import type { AudioFormat } from './encoder.ts'

const BITRATE = 64_000
/** Unsent samples that ffmpeg may owe before `encode` waits for it. */
const MAX_PENDING_BYTES = 1 << 18

const program = (): string => process.env.SPARSEWAVE_FFMPEG || 'ffmpeg'
const found = new Map<string, boolean>()

export const aac: AudioFormat = {
  mediaType: () => 'audio/aac',
  missing() {
    const name = program()
    let there = found.get(name)
    if (there === undefined) {
      there = spawnSync(name, ['-version'], { stdio: 'ignore' }).status === 0
      found.set(name, there)
    }
    return there ? undefined : `there is no program ${name} here`
  },
  async open({ sampleRate, bitrate = BITRATE }) {
    const child = spawn(
      program(),
      // biome-ignore format: one option a line says less
      ['-hide_banner', '-loglevel', 'error', '-probesize', '32', '-f', 's16le', '-ar', String(sampleRate), '-ac', '1', '-i', 'pipe:0',
        '-c:a', 'aac', '-b:a', String(bitrate), '-flush_packets', '1', '-f', 'adts', 'pipe:1'],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    )
    let made: Uint8Array[] = []
    let failed: Error | undefined
    child.stdout.on('data', (data: Uint8Array) => made.push(data))
    child.stdin.on('error', () => {})
    const ended = new Promise<void>((resolve) => {
      child.on('error', (error) => {
        failed = error
        resolve()
      })
      child.on('close', (code) => {
        if (code !== 0) failed ??= new Error(`ffmpeg ended with ${code}`)
        resolve()
      })
    })
    const take = (): Uint8Array => {
      if (failed) throw new SparsewaveError('SYNTHESIS_FAILED', 'The AAC encoder failed.', { cause: failed })
      const bytes = joinBytes(made)
      made = []
      return bytes
    }
    return {
      async encode(samples) {
        const written = new Promise<void>((resolve) => child.stdin.write(toPcm16Bytes(samples), () => resolve()))
        if (child.stdin.writableLength > MAX_PENDING_BYTES) await Promise.race([written, ended])
        return take()
      },
      async finish() {
        child.stdin.end()
        await ended
        return take()
      },
      close: () => void child.kill('SIGKILL'),
    }
  },
}
