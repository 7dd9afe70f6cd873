/**
 * A voice package from checkpoints: the vocoder's kept blocks, its conditioning net and the acoustic model in one folder.
 * What is not given is taken from the package that the new one replaces.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import {
  checkVoice,
  readPackage,
  type Voice,
  type VoiceDescription,
  writeVoice,
} from 'sparsewave/internal/voices/index'
import { MANIFEST_FILE, type VoiceManifest, voiceManifestSchema } from 'sparsewave/internal/voices/manifest'
import { parse } from 'yaml'
import { z } from 'zod'
import { cacheUtterance } from '../data/cache.ts'
import { readCorpus, split } from '../data/corpus.ts'
import { createMasks } from '../masks/index.ts'
import { BLOCK_ROWS } from '../net/layout.ts'
import type { MaskSet } from '../net/mask.ts'
import { describeIssue } from '../net/schema.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import {
  cachedExamples,
  exportAcoustic,
  measureSharpening,
  openPredictor,
  type Sharpening,
} from '../tasks/acoustic/index.ts'
import type { Checkpoint } from '../tasks/sparse-wavernn/checkpoint.ts'
import { openCheckpoint } from '../tasks/sparse-wavernn/open.ts'
import { exportConditioning } from './conditioning.ts'
import { exportVocoder } from './vocoder.ts'

export const CARD_FILE = 'MODEL_CARD.md'

/** What a description file (YAML) may say of a voice; see training/voices/. */
const descriptionSchema = voiceManifestSchema
  .pick({
    description: true,
    language: true,
    licence: true,
    vocoder: true,
    temperature: true,
    aliases: true,
    pauses: true,
    levelMatching: true,
    sex: true,
    synthetic: true,
    speaker: true,
    voices: true,
  })
  .partial()
  .extend({ language: z.string().min(2).default('en-US'), licence: z.string().min(1).default('Apache-2.0') })

export interface CompactOptions {
  /** Checkpoint file or run folder of the vocoder. */
  readonly checkpoint: string
  /** Folder of the voice, named as the voice. */
  readonly out: string
  /** Checkpoint file or run folder of the acoustic model; default: the acoustic model of the voice in `out`. */
  readonly acoustic: string | undefined
  /** How far the acoustic model's envelopes are sharpened: 1 = to the recordings' variance, 0 = not at all. */
  readonly sharpen: number
  /** Corpora and feature cache that sharpening is measured on (validation utterances, of every speaker of the acoustic model). */
  readonly corpora: readonly string[]
  readonly cache: string
  /** YAML file that describes the voice; default: as the voice in `out` says. */
  readonly description: string | undefined
}

/** What a checkpoint's mask method would export now: masks and averaged weights. Throws CHECKPOINT_INVALID while it is too dense. */
export function finalNet(c: Checkpoint): { masks: MaskSet; average: Float32Array } {
  const matrices = maskedSegments(parameterLayout(c.net))
  const method = createMasks(c.maskMethod, { matrices, seed: 0 }, c.maskOptions)
  method.restore(c.masks)
  const masks = method.final()
  const dense = matrices.find((m) => masks.get(m.name)!.length > (m.rows / BLOCK_ROWS) * m.kept)
  if (dense) {
    throw new SparsewaveError('CHECKPOINT_INVALID', `${dense.name} keeps more blocks than the net's density says.`, {
      remedy: `The masks ('${c.maskMethod}') get there later in the run: train on.`,
    })
  }
  const average = c.average.slice()
  method.gateFinal?.(c.average, average)
  return { masks, average }
}

/** The files of a package that come from the vocoder's checkpoint: averaged weights, kept blocks only. */
export function vocoderFiles(c: Checkpoint): { 'vocoder.safetensors': Uint8Array; 'conditioning.onnx': Uint8Array } {
  const layout = parameterLayout(c.net)
  const { masks, average } = finalNet(c)
  return {
    'vocoder.safetensors': exportVocoder(layout, average, masks),
    'conditioning.onnx': exportConditioning(layout, average, c.normalization),
  }
}

/** Writes the package. Throws CHECKPOINT_INVALID, VOICE_MISMATCH, VOICE_DAMAGED, JOB_INVALID (a description that is not valid). */
export async function compactVoice(options: CompactOptions): Promise<VoiceManifest> {
  const out = path.resolve(options.out)
  const name = path.basename(out)
  const old = existsSync(path.join(out, MANIFEST_FILE)) ? readPackage(out) : undefined
  const checkpoint = openCheckpoint(options.checkpoint)
  const acoustic = options.acoustic === undefined ? undefined : await readAcoustic(options.acoustic, options)
  if (!acoustic && !old) {
    throw new SparsewaveError('VOICE_MISMATCH', `${out} is not a voice yet, so it has no acoustic model to keep.`, {
      remedy: 'Name the acoustic model with --acoustic <run or checkpoint>.',
    })
  }
  const description: VoiceDescription = {
    ...(options.description === undefined && old
      ? keepDescription(old.manifest, name)
      : readDescription(options.description)),
    name,
    symbols: acoustic?.symbols ?? old!.manifest.symbols,
    speakers: acoustic?.speakers ?? old!.manifest.speakers,
    net: checkpoint.net,
  }
  // The card is for people and edited by hand: it travels along, without a checksum.
  const card = path.join(out, CARD_FILE)
  const text = existsSync(card) ? readFileSync(card) : undefined
  const manifest = await writeVoice(out, description, {
    ...vocoderFiles(checkpoint),
    'acoustic.onnx': acoustic?.bytes ?? (await keepAcoustic(old!)),
  })
  if (text) writeFileSync(card, text)
  return manifest
}

/** Only a whole file may be kept: the new package gives it a new checksum. Throws VOICE_DAMAGED. */
async function keepAcoustic(voice: Voice): Promise<Uint8Array> {
  const file = 'acoustic.onnx'
  await checkVoice({ ...voice, manifest: { ...voice.manifest, files: { [file]: voice.manifest.files[file]! } } })
  return readFileSync(voice.path(file))
}

/** Recordings that sharpening is measured on, at least so many of each speaker. */
const SHARPEN_UTTERANCES = 24
const SHARPEN_OF_EACH = 6

type SharpenOptions = Pick<CompactOptions, 'sharpen' | 'corpora' | 'cache'>

/** acoustic.onnx of a checkpoint or run, sharpened by its validation recordings, and its symbols. Throws CHECKPOINT_INVALID, CORPUS_INVALID. */
export async function readAcoustic(
  checkpoint: string,
  options: SharpenOptions,
): Promise<{ bytes: Uint8Array; symbols: string; speakers: string[] }> {
  if (!existsSync(checkpoint)) {
    throw new SparsewaveError('CHECKPOINT_INVALID', `There is no checkpoint ${checkpoint} of an acoustic model.`)
  }
  const sharpening = options.sharpen > 0 ? await sharpeningOf(checkpoint, options) : undefined
  const dir = mkdtempSync(path.join(tmpdir(), 'sparsewave-'))
  try {
    const file = path.join(dir, 'acoustic.onnx')
    const { symbols, speakers = [] } = exportAcoustic(checkpoint, file, { sharpening })
    return { bytes: readFileSync(file), symbols, speakers }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function sharpeningOf(checkpoint: string, { corpora, cache, sharpen }: SharpenOptions): Promise<Sharpening> {
  const predictor = await openPredictor(checkpoint)
  const all = corpora
    .flatMap((corpus) => readCorpus(corpus))
    .filter((u) => split(u.id) === 'validation' && u.durations !== undefined)
  const { speakers } = predictor.config
  // The mean envelope of every speaker is needed.
  const utterances =
    speakers.length === 0
      ? all.slice(0, SHARPEN_UTTERANCES)
      : speakers.flatMap((speaker) => {
          const each = Math.max(SHARPEN_OF_EACH, Math.ceil(SHARPEN_UTTERANCES / speakers.length))
          const own = all.filter((u) => (u.speaker ?? speakers[0]) === speaker).slice(0, each)
          if (own.length > 0) return own
          throw new SparsewaveError('CORPUS_INVALID', `No validation utterance (id ending in 3) is of ${speaker}.`, {
            remedy: 'Name the corpora of all speakers with --corpus.',
          })
        })
  if (utterances.length === 0) {
    throw new SparsewaveError(
      'CORPUS_INVALID',
      `${corpora.join(', ')} has no validation utterances with durations (ids ending in 3).`,
    )
  }
  for (const utterance of utterances) await cacheUtterance(utterance, cache)
  return measureSharpening(predictor, cachedExamples(predictor.config, utterances, cache), sharpen)
}

/** What stays of the old package's description. A copy under another name gives up the aliases, which are the old voice's. */
function keepDescription(old: VoiceManifest, name: string) {
  const { description, language, licence, vocoder, temperature, levelMatching, pauses, sex, synthetic, speaker } = old
  const isSame = old.name === name
  return {
    description,
    language,
    licence,
    vocoder,
    temperature,
    levelMatching,
    aliases: isSame ? old.aliases : [],
    // The voices of a package keep their names only with it.
    voices: isSame ? old.voices : [],
    ...(pauses && { pauses }),
    ...(sex && { sex }),
    ...(synthetic !== undefined && { synthetic }),
    ...(speaker && { speaker }),
  }
}

function readDescription(file: string | undefined) {
  let value: unknown = {}
  try {
    if (file !== undefined) value = parse(readFileSync(file, 'utf8')) ?? {}
  } catch (cause) {
    throw new SparsewaveError('JOB_INVALID', `Cannot read the description ${file}.`, {
      remedy: 'Compare it with training/voices/*.yaml.',
      cause,
    })
  }
  const parsed = descriptionSchema.safeParse(value)
  if (parsed.success)
    return JSON.parse(JSON.stringify(parsed.data)) as Omit<VoiceDescription, 'name' | 'symbols' | 'net'>
  throw new SparsewaveError('JOB_INVALID', `${file}: ${describeIssue(descriptionSchema, parsed.error)}`, {
    remedy: 'Compare it with training/voices/*.yaml.',
  })
}
