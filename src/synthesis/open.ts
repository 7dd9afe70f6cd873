/** Puts a synthesizer together from a voice's files, on disk or in a browser. */
import { AcousticModel } from '../acoustic/index.ts'
import { languageFor } from '../text/index.ts'
import { openVocoder, type VocoderKind } from '../vocoder/index.ts'
import type { VoiceFiles } from '../voices/manifest.ts'
import { Synthesizer } from './synthesizer.ts'

/** Opens a checked voice and its vocoder (its own unless `vocoder` says another). Throws VOICE_DAMAGED, VOICE_MISMATCH, WEIGHTS_INVALID, KERNEL_*. */
export async function openSynthesizer(
  voice: VoiceFiles,
  { vocoder }: { vocoder?: VocoderKind | undefined } = {},
): Promise<Synthesizer> {
  const { manifest } = voice
  const language = languageFor(manifest.language)
  const acoustic = await AcousticModel.load(await voice.model('acoustic.onnx'), { symbols: manifest.symbols })
  const synthesizer = new Synthesizer({
    voice: manifest.name,
    defaultVocoder: manifest.vocoder,
    ...(manifest.pauses && { pauses: manifest.pauses }),
    language,
    phonemize: (text, given) => language.phonemize(text, given),
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
