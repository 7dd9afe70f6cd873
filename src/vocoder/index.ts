/** The vocoders and how each is opened from a voice: a new one is a folder and a line in OPENERS. */
import { chooseEngine } from '../engine.ts'
import type { VoiceFiles } from '../voices/manifest.ts'
import { createLevelMatched } from './level-matching/index.ts'
import { createSourceFilter } from './source-filter/index.ts'
import { createSparseWavernn } from './sparse-wavernn/index.ts'
import type { Vocoder, VocoderKind } from './vocoder.ts'

export { VOCODERS, type Vocoder, type VocoderKind, type VocoderStream } from './vocoder.ts'

const OPENERS: Readonly<Record<VocoderKind, (voice: VoiceFiles) => Promise<Vocoder>>> = {
  'sparse-wavernn': async (voice) =>
    createLevelMatched(
      await createSparseWavernn({
        weights: await voice.read('vocoder.safetensors'),
        weightsName: voice.nameOf('vocoder.safetensors'),
        conditioning: await voice.model('conditioning.onnx'),
        temperature: voice.manifest.temperature,
      }),
      chooseEngine().sourceFilter.open(),
      voice.manifest.levelMatching,
    ),
  'source-filter': async () => createSourceFilter(),
}

/** Opens a vocoder of a checked voice. Throws WEIGHTS_INVALID, VOICE_DAMAGED, VOICE_MISMATCH, KERNEL_*. */
export function openVocoder(kind: VocoderKind, voice: VoiceFiles): Promise<Vocoder> {
  return OPENERS[kind](voice)
}
