/** Puts a synthesizer together from a voice package. */
import { AcousticModel } from '../acoustic/index.ts'
import { phonemize } from '../text/index.ts'
import { openVocoder, type VocoderKind } from '../vocoder/index.ts'
import { loadVoice } from '../voices/index.ts'
import { Synthesizer } from './synthesizer.ts'

/**
 * Loads a voice by name or alias, checks its files and opens the vocoder (its own unless `vocoder` says another).
 * Throws VOICE_UNKNOWN, VOICE_DAMAGED, VOICE_MISMATCH, WEIGHTS_INVALID, KERNEL_*.
 */
export async function loadSynthesizer(
  voiceName: string,
  { vocoder }: { vocoder?: VocoderKind | undefined } = {},
): Promise<Synthesizer> {
  const voice = await loadVoice(voiceName)
  const { manifest } = voice
  const acoustic = await AcousticModel.load(voice.path('acoustic.onnx'), { symbols: manifest.symbols })
  const synthesizer = new Synthesizer({
    voice: manifest.name,
    defaultVocoder: manifest.vocoder,
    ...(manifest.pauses && { pauses: manifest.pauses }),
    phonemize,
    predict: (phonemes, options) => acoustic.predict(phonemes, options),
    openVocoder: (kind) => openVocoder(kind, voice),
    close: () => acoustic.close(),
  })
  try {
    await synthesizer.vocoder(vocoder ?? manifest.vocoder)
  } catch (error) {
    await acoustic.close()
    throw error
  }
  return synthesizer
}
