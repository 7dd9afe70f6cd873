/** Puts a synthesizer together from a voice's files, on disk or in a browser. */
import type { SpeakerShares } from '../acoustic/index.ts'
import { SparsewaveError } from '../errors.ts'
import { languageFor } from '../text/index.ts'
import type { VocoderKind } from '../vocoder/index.ts'
import type { VoiceFiles, VoiceManifest } from '../voices/manifest.ts'
import type { Mixture } from '../voices/mixture.ts'
import { sharedAcoustic, sharedVocoder } from './shared.ts'
import { Synthesizer } from './synthesizer.ts'

/** Opens a checked voice and its vocoder (its own unless `vocoder` says another). Throws VOICE_DAMAGED, VOICE_MISMATCH, WEIGHTS_INVALID, KERNEL_*. */
export async function openSynthesizer(
  voice: VoiceFiles,
  { vocoder }: { vocoder?: VocoderKind | undefined } = {},
): Promise<Synthesizer> {
  const { manifest } = voice
  const language = languageFor(manifest.language)
  const own = voice.mixture ? speakersOf(manifest, voice.mixture) : ownSpeaker(manifest)
  const acoustic = await sharedAcoustic(voice)
  const synthesizer = new Synthesizer({
    voice: manifest.name,
    defaultVocoder: manifest.vocoder,
    ...(manifest.pauses && { pauses: manifest.pauses }),
    language,
    phonemize: (text, given) => language.phonemize(text, given),
    predict: (phonemes, { mixture, ...options }) =>
      acoustic.predict(phonemes, { ...options, speaker: mixture ? speakersOf(manifest, mixture) : own }),
    openVocoder: (kind) => sharedVocoder(kind, voice),
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

const ownSpeaker = ({ speaker }: VoiceManifest): SpeakerShares | undefined =>
  speaker === undefined ? undefined : { [speaker]: 1 }

/** The speakers of a package's voices. Throws VOICE_UNKNOWN for voices of another one. */
function speakersOf({ name, voices }: VoiceManifest, mixture: Mixture): SpeakerShares {
  return Object.fromEntries(
    Object.entries(mixture).map(([voice, share]) => {
      const found = voices.find((v) => v.name === voice)
      if (!found)
        throw new SparsewaveError(
          'VOICE_UNKNOWN',
          `'${voice}' cannot be mixed with '${name}': it is of another package.`,
          {
            remedy: 'Mix voices of one package.',
          },
        )
      return [found.speaker, share]
    }),
  )
}
