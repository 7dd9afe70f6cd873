/** What several benchmarks count and draw from their rounds. */
import { SAMPLE_RATE } from '../src/frames.ts'
import type { Synthesizer } from '../src/synthesis/index.ts'
import { BANDS, keptColumns, type NetConfig, STEP_INPUTS } from '../src/vocoder/sparse-wavernn/config.ts'
import type { VocoderKind } from '../src/vocoder/vocoder.ts'

export const STEPS_A_SECOND = SAMPLE_RATE / BANDS

export const median = (v: readonly number[]): number => [...v].sort((a, b) => a - b)[v.length >> 1]!

/** Multiply-adds in blocks a second of one stream's audio. */
export function blockMacs({ hidden, headHidden, density: d }: NetConfig): number {
  const recurrent = keptColumns(d.reset, hidden) + keptColumns(d.update, hidden) + keptColumns(d.candidate, hidden)
  const gates = hidden * (recurrent + 3 * keptColumns(d.input, STEP_INPUTS.count))
  return (gates + BANDS * headHidden * keptColumns(d.head, hidden)) * STEPS_A_SECOND
}

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
