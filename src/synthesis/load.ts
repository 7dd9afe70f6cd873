/** A synthesizer of a voice package in the models folder. */
import type { VocoderKind } from '../vocoder/index.ts'
import { loadVoice } from '../voices/index.ts'
import { openSynthesizer } from './open.ts'
import type { Synthesizer } from './synthesizer.ts'

/**
 * Loads a voice by name or alias, checks its files and opens the vocoder (its own unless `vocoder` says another).
 * Throws VOICE_UNKNOWN, VOICE_DAMAGED, VOICE_MISMATCH, WEIGHTS_INVALID, KERNEL_*.
 */
export async function loadSynthesizer(
  voiceName: string,
  options: { vocoder?: VocoderKind | undefined } = {},
): Promise<Synthesizer> {
  return openSynthesizer(await loadVoice(voiceName), options)
}
