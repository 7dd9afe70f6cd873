/**
 * The steps *train* and *package*: the acoustic model goes on from a voice that ships, on the aligned recordings, and the new voice takes
 * that voice's vocoder.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { packageVersion } from 'sparsewave/internal/version'
import { checkVoice, modelsFolder, readPackage, type Voice, writeVoice } from 'sparsewave/internal/voices/index'
import { stringify } from 'yaml'
import { readCorpus, split } from '../data/corpus.ts'
import { isTensorflowSetUp } from '../engines/tfjs.ts'
import { CARD_FILE, readAcoustic } from '../export/voice.ts'
import { readJob } from '../jobs/job.ts'
import type { JobContext } from '../net/context.ts'
import { openCheckpoint } from '../tasks/acoustic/open.ts'
import { TASKS } from '../tasks/index.ts'
import { CORPUS } from './align/index.ts'
import type { VoiceProject } from './project.ts'

/** Folder of the acoustic model's run. */
export const RUN = 'train'
const JOB = path.join(RUN, 'job.yaml')

/** Units (25 ms) of a batch. */
const BATCH_UNITS = 800
/** Passes over the recordings, and the least and most updates that they give. */
const EPOCHS = 40
const [FEWEST, MOST] = [300, 2500]
/** Sharpening of envelopes, as for the voices that ship. */
const SHARPEN = 1.4

export interface TrainOptions {
  /** Folder of the voice that training starts from and whose vocoder is taken. */
  readonly from: string
  /** Parameter updates; undefined = by the length of the recordings. */
  readonly updates: number | undefined
}

/** Throws ENGINE_UNAVAILABLE where training would take hours and nobody said that this does not matter. */
export function requireTensorflow(slow: boolean): void {
  if (slow || isTensorflowSetUp()) return
  throw new SparsewaveError(
    'ENGINE_UNAVAILABLE',
    'A voice is trained with TensorFlow, which is not set up. Without it training takes hours.',
    { remedy: 'Run `npx sparsewave setup` once, or add --slow.' },
  )
}

/** The voice that training starts from when none is named. */
export const defaultStart = (): string => path.join(modelsFolder(), 'heart')

/** Trains, or goes on where an earlier call stopped. Throws USAGE without consent, CORPUS_*, CHECKPOINT_INVALID, VOICE_*, ENGINE_UNAVAILABLE. */
export async function trainVoice(project: VoiceProject, options: TrainOptions, context: JobContext): Promise<void> {
  requireConsent(project)
  const corpus = project.path(CORPUS)
  const utterances = readCorpus(corpus)
  const { model } = startOf(options.from)
  const unknown = utterances.find((u) => [...(u.phonemes ?? '')].some((symbol) => !model.symbols.includes(symbol)))
  if (unknown)
    throw new SparsewaveError('VOICE_MISMATCH', `The voice in ${options.from} lacks a symbol of "${unknown.text}".`, {
      remedy: `Start from a voice that speaks ${project.settings.language}.`,
    })
  const units = utterances
    .filter((u) => split(u.id) === 'train')
    .reduce((sum, u) => sum + (u.durations ?? []).reduce((a, b) => a + b, 0), 0)
  const updates = options.updates ?? Math.min(MOST, Math.max(FEWEST, Math.round((EPOCHS * units) / BATCH_UNITS)))
  const job = {
    task: 'acoustic',
    corpus,
    run: project.path(RUN),
    cache: project.path('cache'),
    from: path.resolve(options.from),
    model,
    training: { updates, batchUnits: BATCH_UNITS, learningRate: 4e-4, warmup: 50, average: 0.99, dropout: 0.02 },
    validation: { every: Math.max(50, Math.round(updates / 8)) },
  }
  project.write(JOB, stringify(job))
  const { task, job: parsed } = readJob(project.path(JOB), TASKS)
  await task.run(parsed, context)
}

function startOf(from: string) {
  if (!existsSync(from))
    throw new SparsewaveError('VOICE_UNKNOWN', `There is no voice in ${from}.`, {
      remedy: 'Name the folder of a voice with --from, for example models/heart.',
    })
  return { model: openCheckpoint(from).config }
}

/** Throws USAGE when nobody said whose voice it is and on what ground. */
export function requireConsent(project: VoiceProject): void {
  const { speaker, consent } = project.settings
  if (speaker && consent) return
  throw new SparsewaveError(
    'USAGE',
    `Nobody said whose voice '${project.name}' is and on what ground it may be used.`,
    {
      remedy: 'Add --speaker "Name" --consent "how the speaker agreed", for example --consent "my own voice".',
    },
  )
}

/** Writes the package of a trained voice below `models`. Returns its folder. */
export async function packageVoice(
  project: VoiceProject,
  { from, models }: { from: string; models: string },
): Promise<string> {
  requireConsent(project)
  const run = project.path(RUN)
  if (!existsSync(path.join(run, 'checkpoint.safetensors')))
    throw new SparsewaveError('CHECKPOINT_INVALID', `The voice '${project.name}' was not trained.`, {
      remedy: `Run \`sparsewave voice train --name ${project.name}\` first.`,
    })
  const base = readPackage(path.resolve(from))
  await checkVoice(base)
  const acoustic = await readAcoustic(run, {
    corpora: [project.path(CORPUS)],
    cache: project.path('cache'),
    sharpen: hasValidation(project) ? SHARPEN : 0,
  })
  const { language, speaker, licence } = project.settings
  const { net, vocoder, temperature, levelMatching } = base.manifest
  const out = path.resolve(models, project.name)
  await writeVoice(
    out,
    {
      name: project.name,
      description: `The voice of ${speaker}, made from recordings`,
      language,
      licence: licence ?? 'LicenseRef-private',
      synthetic: false,
      symbols: acoustic.symbols,
      speakers: acoustic.speakers,
      net,
      vocoder,
      temperature,
      levelMatching,
    },
    {
      'acoustic.onnx': acoustic.bytes,
      'conditioning.onnx': readFileSync(base.path('conditioning.onnx')),
      'vocoder.safetensors': readFileSync(base.path('vocoder.safetensors')),
    },
  )
  writeFileSync(path.join(out, CARD_FILE), card(project, base))
  return out
}

const hasValidation = (project: VoiceProject): boolean =>
  readCorpus(project.path(CORPUS)).some((u) => split(u.id) === 'validation')

function card(project: VoiceProject, base: Voice): string {
  const { name, speaker, consent, consentDate, language, licence } = project.settings
  const utterances = readCorpus(project.path(CORPUS))
  const minutes = (of: (id: string) => boolean) =>
    (utterances.filter((u) => of(u.id)).reduce((sum, u) => sum + (u.samples ?? 0), 0) / SAMPLE_RATE / 60).toFixed(1)
  const { update } = openCheckpoint(project.path(RUN))
  return `# ${name}

The voice of ${speaker}, ${language}. **What it says is synthetic speech.** It was trained on recordings of a person.

| | |
| --- | --- |
| Speaker | ${speaker} |
| Consent | ${consent} |
| Consent recorded | ${consentDate} |
| Licence | ${licence ?? 'none given: for private use'} |
| Recordings | ${minutes((id) => split(id) === 'train')} minutes trained on, ${minutes((id) => split(id) !== 'train')} held out |
| Acoustic model | ${update} updates from the voice ${base.manifest.name} |
| Vocoder | that of the voice ${base.manifest.name} |
| Made with | sparsewave-training ${packageVersion()} |

Use it only as the speaker agreed. Say that it is synthetic where listeners might take it for the person.
The report of the recordings, and samples beside held-out ones, are in the folder in which the voice was made.
`
}
