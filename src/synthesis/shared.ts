/**
 * Models that several voices of one thread share: the voices of a package have the same files, so a second one costs no second copy of
 * the weights, and their streams are computed in one batch. What nobody uses any more is freed.
 */
import { AcousticModel } from '../acoustic/index.ts'
import { openVocoder, type Vocoder, type VocoderKind } from '../vocoder/index.ts'
import type { VoiceFiles, VoiceManifest } from '../voices/manifest.ts'

interface Closable {
  close(): Promise<void> | void
}

interface Shared<T> {
  readonly opened: Promise<T>
  users: number
}

const shared = new Map<string, Shared<Closable>>()

/** What is opened under `key`, opened by `open` for its first user. `release` it once. */
async function acquire<T extends Closable>(
  key: string,
  open: () => Promise<T>,
): Promise<{ value: T; release: () => Promise<void> }> {
  let entry = shared.get(key) as Shared<T> | undefined
  if (!entry) {
    entry = { opened: open(), users: 0 }
    shared.set(key, entry)
  }
  entry.users++
  const { opened } = entry
  let released = false
  const release = async (): Promise<void> => {
    if (released) return
    released = true
    if (--entry.users > 0) return
    if (shared.get(key) === entry) shared.delete(key)
    await (await opened).close()
  }
  try {
    return { value: await opened, release }
  } catch (error) {
    // Whoever comes next tries again.
    if (shared.get(key) === entry) shared.delete(key)
    throw error
  }
}

/** The same for two voices when they have the same files and settings. */
const keyOf = ({ files, temperature, levelMatching, symbols, speakers }: VoiceManifest): string =>
  JSON.stringify([
    Object.entries(files).map(([name, { sha256 }]) => [name, sha256]),
    { temperature, levelMatching, symbols, speakers },
  ])

/** The acoustic model of a checked voice. Closing it gives up this user's share. Throws VOICE_DAMAGED, VOICE_MISMATCH, RUNTIME_MISSING. */
export async function sharedAcoustic(voice: VoiceFiles): Promise<Pick<AcousticModel, 'predict' | 'close'>> {
  const { symbols, speakers } = voice.manifest
  const { value, release } = await acquire(`acoustic ${keyOf(voice.manifest)}`, async () =>
    AcousticModel.load(await voice.model('acoustic.onnx'), { symbols, speakers }),
  )
  return { predict: (phonemes, options) => value.predict(phonemes, options), close: release }
}

/** A vocoder of a checked voice, likewise. Throws WEIGHTS_INVALID, VOICE_DAMAGED, VOICE_MISMATCH, KERNEL_*. */
export async function sharedVocoder(kind: VocoderKind, voice: VoiceFiles): Promise<Vocoder> {
  const { value, release } = await acquire(`${kind} ${keyOf(voice.manifest)}`, () => openVocoder(kind, voice))
  return { kind: value.kind, pushes: value.pushes, open: (options) => value.open(options), close: () => void release() }
}
