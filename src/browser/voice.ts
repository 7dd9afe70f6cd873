/** Opens a voice in a browser: fetches the engine's files and the voice's own, and puts them together. */
import { SparsewaveError } from '../errors.ts'
import { provideOnnxRuntime } from '../onnx/runtime.browser.ts'
import { openSynthesizer } from '../synthesis/open.ts'
import type { Synthesizer } from '../synthesis/synthesizer.ts'
import { provideData } from '../text/data-file.browser.ts'
import { LANGUAGE_TAGS, languageFor } from '../text/index.ts'
import type { VocoderKind } from '../vocoder/vocoder.ts'
import { VOICE_FILES, viewOf, voiceManifestSchema } from '../voices/manifest.ts'
import { provideModule } from '../wasm/module-file.browser.ts'
import { get, load, missing, type StoredFile } from './store.ts'

/** The vocoder used unless a request names another. It costs the least. */
export const BROWSER_VOCODER: VocoderKind = 'source-filter'

/** Fetched only for a voice whose graphs need it. */
const RUNTIME = 'onnxruntime.wasm.gz'

/** Content of assets.json, which the build writes: the engine's files, their sizes and checksums. */
export type Assets = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>

export interface OpenOptions {
  /** Folder of assets.json, absolute, with a slash at its end. */
  readonly engine: string
  /** Folder of voice.json, likewise. */
  readonly voice: string
  readonly headers: Readonly<Record<string, string>>
  /** Called with bytes fetched so far and bytes to fetch in all, never when the browser has kept everything. */
  progress(loaded: number, total: number): void
}

type Source = Pick<OpenOptions, 'engine' | 'voice' | 'headers'>

/** The files that a voice needs, the engine's among them. */
async function filesOf({ engine, voice, headers }: Source) {
  const assets = (await (await get(`${engine}assets.json`, headers)).json()) as Assets
  const parsed = voiceManifestSchema.safeParse(await (await get(`${voice}voice.json`, headers)).json())
  if (!parsed.success)
    throw new SparsewaveError('VOICE_MISMATCH', 'The voice is made for another version of sparsewave.', {
      remedy: 'Load the page again.',
    })
  // The folder's name is the voice's, in a package of several too.
  const manifest = viewOf(parsed.data, voice.split('/').at(-2)!) ?? parsed.data
  const language = languageFor(manifest.language)
  const files = new Map<string, StoredFile>()
  const others = new Set(LANGUAGE_TAGS.flatMap((tag) => languageFor(tag).data.map((name) => `${name}.gz`)))
  for (const name of language.data) others.delete(`${name}.gz`)
  for (const [name, file] of Object.entries(assets))
    if (!others.has(name) && name !== RUNTIME) files.set(name, { ...file, url: engine + name, gzip: true })
  for (const name of VOICE_FILES) files.set(name, { ...manifest.files[name]!, url: voice + name })
  return { assets, manifest, language, files }
}

const sizeOf = (files: Iterable<StoredFile>): number => [...files].reduce((sum, { bytes }) => sum + bytes, 0)

/** Bytes of a voice's files, and of those that are not kept. Throws INVALID_API_KEY, VOICE_DAMAGED, VOICE_MISMATCH. */
export async function measureVoice(source: Source): Promise<{ bytes: number; missing: number }> {
  const files = [...(await filesOf(source)).files.values()]
  return { bytes: sizeOf(files), missing: sizeOf(await missing(files)) }
}

/** Fetches what is not kept and opens the voice. Throws INVALID_API_KEY, VOICE_DAMAGED, VOICE_MISMATCH. */
export async function openVoice({ engine, voice, headers, progress }: OpenOptions): Promise<Synthesizer> {
  const { assets, manifest, language, files } = await filesOf({ engine, voice, headers })
  const total = sizeOf(await missing([...files.values()]))
  let loaded = 0
  const options = {
    headers,
    progress(bytes: number) {
      loaded += bytes
      progress(loaded, total)
    },
  }
  const contents = new Map<string, Uint8Array<ArrayBuffer>>()
  await Promise.all([...files].map(async ([name, file]) => contents.set(name, await load(file, options))))
  const read = (name: string): Uint8Array<ArrayBuffer> => contents.get(name)!

  for (const name of language.data) provideData(language.folder, name, read(`${name}.gz`))
  provideModule('vocoder', [read('vocoder-relaxed.wasm.gz'), read('vocoder.wasm.gz')])
  provideModule('layers', [read('layers-relaxed.wasm.gz'), read('layers.wasm.gz')])
  provideOnnxRuntime(() => load({ ...assets[RUNTIME]!, url: engine + RUNTIME, gzip: true }, { headers, progress() {} }))
  return openSynthesizer(
    {
      manifest,
      nameOf: (file) => voice + file,
      read: async (file) => read(file),
      model: async (file) => ({ name: voice + file, bytes: read(file) }),
    },
    { vocoder: BROWSER_VOCODER },
  )
}
