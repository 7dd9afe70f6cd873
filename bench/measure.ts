/** What several benchmarks count and draw from their rounds. */
import { SAMPLE_RATE } from '../src/frames.ts'
import type { Synthesizer } from '../src/synthesis/index.ts'
import { BANDS, keptWeights, type NetConfig } from '../src/vocoder/sparse-wavernn/config.ts'
import type { VocoderKind } from '../src/vocoder/vocoder.ts'

export const STEPS_A_SECOND = SAMPLE_RATE / BANDS

export const median = (v: readonly number[]): number => [...v].sort((a, b) => a - b)[v.length >> 1]!

/** Multiply-adds in blocks a second of one stream's audio. */
export const blockMacs = (net: NetConfig): number => keptWeights(net) * STEPS_A_SECOND

/** Speaks `text` and throws the sound away; returns its seconds. */
export async function spokenSeconds(
  synthesizer: Synthesizer,
  text: string,
  seed: number,
  vocoder: VocoderKind,
): Promise<number> {
  let samples = 0
  for await (const chunk of synthesizer.stream(text, { seed, vocoder })) samples += chunk.samples.length
  return samples / SAMPLE_RATE
}
