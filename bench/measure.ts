/** What several benchmarks count and draw from their rounds. */
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import type { Synthesizer } from 'sparsewave/internal/synthesis/index'
import { BANDS, keptWeights, type NetConfig } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { VocoderKind } from 'sparsewave/internal/vocoder/vocoder'

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
