/** `sparsewave voice`: a voice from a folder of recordings, in steps that can be repeated and resumed. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { languageFor } from 'sparsewave/internal/text/index'
import { modelsFolder } from 'sparsewave/internal/voices/index'
import { createProgressView } from '../jobs/progress.ts'
import { untilSignalled } from '../signals.ts'
import { alignRecordings } from './align/index.ts'
import { checkRecordings } from './check/index.ts'
import { isLeftOut } from './check/verdict.ts'
import { importRecordings } from './import/index.ts'
import { listenToVoice } from './listen.ts'
import { DEFAULT_PROJECTS, Interrupted, type StepContext, VoiceProject, type VoiceSettings } from './project.ts'
import { writeReport } from './report/index.ts'
import { createStepView, type StepView } from './steps.ts'
import { defaultStart, packageVoice, requireConsent, requireTensorflow, trainVoice } from './train.ts'

const EXAMPLES = `
Examples:
  sparsewave voice create recordings/ --name ada --speaker "Ada King" --consent "my own voice"
  sparsewave voice check recordings/ --name ada     # only look: runs/voices/ada/report.html
  sparsewave voice train --name ada --minutes 20    # go on with what is there, stop after twenty minutes

A step that was interrupted goes on where it was; a step that is done is not repeated. Recordings are WAV, FLAC, MP3 or Opus files, others
where ffmpeg is installed. Their texts are a metadata.csv (LJSpeech, Piper, Coqui) or a .txt beside each file; a long recording is cut.`

interface Flags {
  readonly name: string
  readonly projects: string
  readonly language?: string
  readonly speaker?: string
  readonly consent?: string
  readonly licence?: string
  readonly from?: string
  readonly output?: string
  readonly updates?: number
  readonly minutes?: number
  readonly slow?: true
}

const count = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}
const minutes = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

const OPTIONS = {
  language: () => new Option('--language <tag>', 'language of the recordings (default: en-US)'),
  speaker: () => new Option('--speaker <name>', 'whose voice it is'),
  consent: () => new Option('--consent <text>', 'on what ground it may be used, for example "my own voice"'),
  licence: () => new Option('--licence <spdx>', 'licence of the voice (default: none, for private use)'),
  from: () => new Option('--from <voice>', 'folder of the voice that training starts from (default: models/heart)'),
  output: () =>
    new Option(
      '-o, --output <folder>',
      'folder of voices that it is written into (default: SPARSEWAVE_MODELS or models)',
    ),
  updates: () =>
    new Option('--updates <n>', 'parameter updates (default: by the length of the recordings)').argParser(count),
  slow: () => new Option('--slow', 'train without TensorFlow where it is not set up, which takes hours'),
  minutes: () =>
    new Option('--minutes <n>', 'stop training after so many minutes; the voice is made of what is there').argParser(
      minutes,
    ),
}

export function registerVoiceCommands(program: Command): void {
  const voice = program
    .command('voice')
    .summary('make a voice of your own from recordings')
    .description('Makes a voice from a folder of recordings and their texts: import, check, align, train, listen.')
    .addHelpText('after', EXAMPLES)
  const step = (
    name: string,
    summary: string,
    options: readonly Option[],
    takesFolder: 'always' | 'once' | 'never',
  ) => {
    const command = voice
      .command(name)
      .summary(summary)
      .description(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`)
      .requiredOption('--name <name>', 'name of the voice: small letters, digits, - and _')
      .option('--projects <folder>', 'where voices in the making are kept', DEFAULT_PROJECTS)
    for (const option of options) command.addOption(option)
    if (takesFolder !== 'never')
      command.argument(
        takesFolder === 'always' ? '<recordings>' : '[recordings]',
        'folder of recordings and their texts',
      )
    return command
  }
  const { language, speaker, consent, licence, from, output, updates, slow, minutes: most } = OPTIONS
  step(
    'create',
    'all steps: check, align, train, listen',
    [speaker(), consent(), licence(), language(), from(), output(), updates(), most(), slow()],
    'once',
  ).action((recordings: string | undefined, flags: Flags) => run(flags, recordings, create))
  step('check', 'import recordings and say which are bad and why', [language()], 'once').action(
    (recordings: string | undefined, flags: Flags) => run(flags, recordings, check),
  )
  step('align', 'align recordings with their texts', [], 'never').action((flags: Flags) =>
    run(flags, undefined, alignStep),
  )
  step(
    'train',
    'train the voice and write its package',
    [speaker(), consent(), licence(), from(), output(), updates(), most(), slow()],
    'never',
  ).action((flags: Flags) => run(flags, undefined, train))
  step('report', 'write the report from what the steps left', [], 'never').action((flags: Flags) =>
    run(flags, undefined, report),
  )
}

interface Run {
  readonly project: VoiceProject
  readonly flags: Flags
  readonly view: StepView
  readonly step: StepContext
}

/** Settings first, then the steps; Ctrl-C and SIGTERM end the step at its next file or checkpoint. */
async function run(flags: Flags, recordings: string | undefined, steps: (run: Run) => Promise<void>): Promise<void> {
  const project = new VoiceProject(flags.name, flags.projects)
  const view = createStepView()
  try {
    const trains = steps === create || steps === train
    await settle(project, flags, recordings, trains)
    if (trains) requireTensorflow(flags.slow === true)
    await untilSignalled((signal) => steps({ project, flags, view, step: { progress: view.progress, signal } }))
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    view.end('stopped; the same command goes on')
  } finally {
    view.stop()
  }
}

/** Joins what the flags say with what was said before, and asks for consent where a voice is trained. */
async function settle(
  project: VoiceProject,
  flags: Flags,
  recordings: string | undefined,
  trains: boolean,
): Promise<void> {
  const old = project.savedSettings()
  // Without either there is nothing to go on from, which `settings` says.
  if (!old && recordings === undefined) void project.settings
  const language = languageFor(flags.language ?? old?.language ?? 'en-US').tag
  let speaker = flags.speaker ?? old?.speaker
  let consent = flags.consent ?? old?.consent
  if (trains && (!speaker || !consent) && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    speaker ??= (await terminal.question('Whose voice is it? ')).trim() || undefined
    consent ??=
      (await terminal.question('On what ground may it be used (for example: my own voice)? ')).trim() || undefined
    terminal.close()
  }
  const said = speaker !== old?.speaker || consent !== old?.consent
  const licence = flags.licence ?? old?.licence
  const settings: VoiceSettings = {
    name: project.name,
    recordings: recordings === undefined ? old!.recordings : path.resolve(recordings),
    language,
    ...(speaker && { speaker }),
    ...(consent && { consent }),
    ...(speaker && consent && { consentDate: (!said && old?.consentDate) || new Date().toISOString().slice(0, 10) }),
    ...(licence && { licence }),
  }
  project.saveSettings(settings)
  if (trains) requireConsent(project)
}

async function check({ project, view, step }: Run): Promise<void> {
  view.begin('import')
  const { recordings, leftOut } = await importRecordings(project, step)
  view.end(
    `${recordings.length} recordings${leftOut.length > 0 ? `, ${leftOut.length} could not be read or paired with a text` : ''}`,
  )
  view.begin('check')
  const checked = await checkRecordings(project, step)
  const bad = checked.filter((c) => isLeftOut(c.findings))
  view.end(`${checked.length - bad.length} good, ${bad.length} left out${firstReason(bad)}`)
  say(project)
}

async function alignStep({ project, view, step }: Run): Promise<void> {
  view.begin('align')
  try {
    const utterances = await alignRecordings(project, step)
    const bad = utterances.filter((u) => isLeftOut(u.findings))
    view.end(`${utterances.length - bad.length} utterances, ${bad.length} left out${firstReason(bad)}`)
  } finally {
    say(project)
  }
}

async function train({ project, flags, view, step }: Run): Promise<void> {
  const from = flags.from ?? defaultStart()
  const models = path.resolve(flags.output ?? modelsFolder())
  const progress = createProgressView()
  try {
    await trainVoice(
      project,
      { from, updates: flags.updates },
      {
        resume: true,
        minutes: flags.minutes,
        signal: step.signal,
        report: (p) => progress.report(p),
        warn: (message) => process.stderr.write(`\n${message}\n`),
      },
    )
  } finally {
    progress.stop()
  }
  if (step.signal.aborted) throw new Interrupted()
  mkdirSync(models, { recursive: true })
  const folder = await packageVoice(project, { from, models })
  view.begin('listen')
  const compared = await listenToVoice(project, models, step)
  view.end(`${compared.length} held-out recordings beside the voice`)
  say(project)
  const prefix = models === path.resolve(modelsFolder()) ? '' : `SPARSEWAVE_MODELS=${models} `
  process.stderr.write(`${folder}\nTry it: ${prefix}sparsewave speak --voice ${project.name} "Hello." -o hello.wav\n`)
}

async function create(all: Run): Promise<void> {
  await check(all)
  await alignStep(all)
  await train(all)
}

async function report({ project }: Run): Promise<void> {
  say(project)
}

/** Writes the report and says where it is. */
function say(project: VoiceProject): void {
  const { minutes: kept, recordings, leftOut, file } = writeReport(project)
  process.stderr.write(
    `report  ${kept.toFixed(1)} minutes used, ${leftOut} of ${recordings} recordings left out: ${file}\n`,
  )
}

const firstReason = (
  bad: readonly {
    readonly name: string
    readonly findings: readonly { readonly fault: boolean; readonly text: string }[]
  }[],
): string => {
  const [first] = bad
  const finding = first?.findings.find((f) => f.fault)
  return finding ? `, such as ${first!.name}: ${finding.text}` : ''
}
