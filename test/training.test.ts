/**
 * Training end to end on a made-up corpus: a run that is stopped, killed and resumed equals one that is not, and what it
 * leaves becomes a voice that speaks.
 */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { encodeWav } from '../src/audio/wav.ts'
import { main } from '../src/cli/main.ts'
import { addonFile } from '../src/native-addon.ts'
import { Random } from '../src/random.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { loadSynthesizer } from '../src/synthesis/index.ts'
import { PHONEMES } from '../src/text/phonemes.ts'
import { parseWeights } from '../src/vocoder/sparse-wavernn/weights.ts'
import { loadVoice } from '../src/voices/index.ts'
import { cachedFrames } from '../training/data/cache.ts'
import { readCorpus, split } from '../training/data/corpus.ts'
import { createEngine } from '../training/engines/index.ts'
import { CARD_FILE, compactVoice } from '../training/export/voice.ts'
import { CHECKPOINT_FILE } from '../training/net/checkpoint-files.ts'
import type { JobContext, Progress } from '../training/net/context.ts'
import { LANES } from '../training/net/engine.ts'
import { parameterLayout } from '../training/net/vocoder-layout.ts'
import { TRAINING_ROOT } from '../training/root.ts'
import { writeCheckpoint as writeAcousticCheckpoint } from '../training/tasks/acoustic/checkpoint.ts'
import { TINY } from '../training/tasks/acoustic/testing.ts'
import { initialCheckpoint } from '../training/tasks/acoustic/trainer.ts'
import { emptyBatch, fillLane, Planner } from '../training/tasks/sparse-wavernn/batches.ts'
import { type Checkpoint, readCheckpoint } from '../training/tasks/sparse-wavernn/checkpoint.ts'
import { readRecording } from '../training/tasks/sparse-wavernn/data.ts'
import { type SparseWavernnJob, sparseWavernnJobSchema } from '../training/tasks/sparse-wavernn/job.ts'
import { madeUpSpeech, TINY_NET, writeMadeUpCorpus } from '../training/tasks/sparse-wavernn/testing.ts'
import { trainSparseWavernn } from '../training/tasks/sparse-wavernn/train.ts'
import { Utterance } from '../training/tasks/sparse-wavernn/utterance.ts'

const COMMAND = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
const UPDATES = 200

const dir = mkdtempSync(join(tmpdir(), 'training-'))
const corpus = join(dir, 'corpus')
beforeAll(() => writeMadeUpCorpus(corpus))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** A job as a file would give it. */
const given = (run: string, over: Record<string, unknown> = {}) => ({
  task: 'sparse-wavernn',
  corpus,
  run: join(dir, run),
  cache: join(dir, 'cache'),
  threads: 1,
  net: TINY_NET,
  training: { updates: UPDATES, lanes: 16, steps: 60, warmup: 20, learningRate: 4e-3, average: 0.9 },
  validation: { every: 200 },
  ...over,
})
const job = (run: string, over: Record<string, unknown> = {}): SparseWavernnJob =>
  sparseWavernnJobSchema.parse(given(run, over))
const training = (over: object) => ({ training: { ...given('').training, ...over } })

function jobFile(name: string, value: object): string {
  const file = join(dir, `${name}.yaml`)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(value))
  return file
}

const never = new AbortController().signal
const context = (over: Partial<JobContext> = {}): JobContext => ({
  resume: false,
  minutes: undefined,
  signal: never,
  report: () => {},
  warn: () => {},
  ...over,
})

const checkpointOf = (run: string): Checkpoint => readCheckpoint(join(dir, run, CHECKPOINT_FILE))

/** Everything but the clock: parameters, moments, average, state, place in the data; arrays by their digest. */
function outcome(run: string): Record<string, unknown> {
  const digest = (v: unknown) =>
    ArrayBuffer.isView(v) ? createHash('sha256').update(new Uint8Array(v.buffer)).digest('hex') : v
  const { wallSeconds: _, masks, normalization, ...rest } = checkpointOf(run)
  return Object.fromEntries(Object.entries({ ...rest, ...masks, ...normalization }).map(([k, v]) => [k, digest(v)]))
}

interface LogLine {
  event: string
  update: number
  loss: number
}

/** The log without clocks, by event and update; what a resumed run did again replaces what it had done. */
function logOf(run: string): LogLine[] {
  const lines = readFileSync(join(dir, run, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const byUpdate = new Map<string, LogLine>()
  for (const line of lines) {
    const { time: _, wallSeconds: __, ...entry } = JSON.parse(line)
    byUpdate.set(`${entry.event} ${entry.update}`, entry)
  }
  return [...byUpdate.values()]
}

/** Runs `sparsewave` in this process; returns the exit code and what it wrote to stderr. */
async function sparsewave(...argv: string[]): Promise<{ code: number; stderr: string }> {
  let stderr = ''
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
  try {
    return { code: await main(argv), stderr }
  } finally {
    write.mockRestore()
  }
}

/** Starts a real `sparsewave train --resume` and sends `signal` at the `nth` change in the run's folder. */
async function trainAndSignal(file: string, run: string, nth: number, signal: NodeJS.Signals) {
  const folder = join(dir, run)
  mkdirSync(folder, { recursive: true })
  // `npm test` has built what is stale.
  const env = { ...process.env, SPARSEWAVE_SKIP_BUILD: '1' }
  const child = spawn(process.execPath, [COMMAND, 'train', file, '--resume'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  let changes = 0
  const watcher = watch(folder, () => {
    if (++changes === nth) child.kill(signal)
  })
  await once(child, 'close')
  watcher.close()
  return { end: child.signalCode ?? child.exitCode, stderr }
}

const built = existsSync(addonFile('train', TRAINING_ROOT))
describe.skipIf(!built)(built ? 'a run' : 'a run (skipped: build/native/train.node is not built)', () => {
  const reports: Progress[] = []
  beforeAll(() => trainSparseWavernn(job('whole'), context({ report: (p) => reports.push(p) })), 60_000)

  test('its loss falls, on held-out recordings too', () => {
    const losses = reports.filter((p) => p.stage === 'train').map((p) => p.loss!)
    expect(losses).toHaveLength(UPDATES)
    const log = logOf('whole')
    expect(log.map((l) => `${l.event} ${l.update}`)).toEqual(['train 100', 'train 200', 'validation 200'])
    // Bits a step over four bands.
    expect(log[1]!.loss).toBeLessThan(losses[0]! - 3)
    expect(log[2]!.loss).toBeLessThan(losses[0]! - 3)
    const { update, adamStep, audioSeconds, rateScale } = checkpointOf('whole')
    expect({ update, adamStep, rateScale }).toEqual({ update: UPDATES, adamStep: UPDATES, rateScale: 1 })
    // 16 lanes of 60 steps at 6000 a second, less what lies past the recordings' ends.
    expect(audioSeconds).toBeLessThan(UPDATES * 0.16)
    expect(audioSeconds).toBeGreaterThan(UPDATES * 0.15)
  })

  test('can start from the averaged weights, masks and normalisation of another run', async () => {
    const first = job('first', training({ updates: 40 }))
    await trainSparseWavernn(first, context())
    const { average, masks, normalization } = checkpointOf('first')
    await trainSparseWavernn(
      job('second', { from: first.run, seed: 9, ...training({ updates: 1, learningRate: 1e-30 }) }),
      context(),
    )
    const second = checkpointOf('second')
    expect(second.parameters).toEqual(average)
    expect(second.masks).toEqual(masks)
    expect(second.normalization).toEqual(normalization)
    const wide = job('third', { from: first.run, net: { ...TINY_NET, hidden: 48 } })
    await expect(trainSparseWavernn(wide, context())).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' })
  })

  test('can go on from fixed masks with a method that changes them, on altered recordings too', async () => {
    const augment = { copies: 2 }
    const rigl = { method: 'rigl', every: 2, fraction: 0.5 }
    const learning = job('learning', { from: job('first').run, augment, masks: rigl, ...training({ updates: 20 }) })
    await trainSparseWavernn(learning, context())
    const { masks, maskMethod, batches } = checkpointOf('learning')
    expect(maskMethod).toBe('rigl')
    const fixed = checkpointOf('first').masks
    expect(Object.keys(masks).sort()).toEqual(Object.keys(fixed).sort())
    expect(masks).not.toEqual(fixed)
    expect(batches.draws).toBeGreaterThan(0)
    const trained = readCorpus(corpus).filter((u) => split(u.id) === 'train')
    const altered = readdirSync(join(dir, 'cache', 'audio-1')).filter((name) => name.includes('~'))
    expect(altered).toHaveLength(2 * trained.length)
    const other = job('other', { from: job('first').run, masks: { method: 'hybrid-es', pairs: 1 } })
    await expect(trainSparseWavernn(other, context())).rejects.toThrow(/its masks say nothing to 'hybrid-es'/)
  })

  test('trains on further corpora, their held-out recordings left out, altered like the rest', async () => {
    const more = join(dir, 'more')
    const [one] = readCorpus(corpus)
    const copy = (id: string) => JSON.stringify({ id, audio: one!.audio, text: one!.text })
    mkdirSync(more)
    writeFileSync(join(more, 'corpus.jsonl'), ['a-1', 'a-3', 'a-7'].map(copy).join('\n'))
    const wider = job('wider', { more: [more], augment: {}, cache: join(dir, 'wider'), ...training({ updates: 1 }) })
    await trainSparseWavernn(wider, context())
    const cached = readdirSync(join(dir, 'wider', 'audio-1')).map((name) => name.replace(/~.*|\.bin$/, ''))
    expect(cached.filter((id) => id.startsWith('a-'))).toEqual(['a-1', 'a-1'])
    const clash = job('clash', { more: [corpus] })
    await expect(trainSparseWavernn(clash, context())).rejects.toThrow(/is another corpus's too/)
  })

  test('altered recordings and other corpora exclude predicted frames', () => {
    expect(() => job('both', { augment: {}, acoustic: 'runs/acoustic' })).toThrow(/augment/)
    expect(() => job('both', { more: ['voices'], acoustic: 'runs/acoustic' })).toThrow(/more/)
  })

  test('whose pairs of masks cannot share its lanes is refused before anything is made', async () => {
    const shared = job('shared', { masks: { method: 'policy-es', pairs: 16 }, cache: join(dir, 'no-cache') })
    await expect(trainSparseWavernn(shared, context())).rejects.toMatchObject({
      code: 'JOB_INVALID',
      remedy: expect.stringContaining('multiple of 256'),
    })
    expect(existsSync(join(dir, 'no-cache'))).toBe(false)
  })

  test('on predicted frames asks for a corpus with durations', async () => {
    const predicted = job('predicted', { acoustic: join(dir, 'acoustic') })
    await expect(trainSparseWavernn(predicted, context())).rejects.toMatchObject({ code: 'CORPUS_INVALID' })
  })

  test('leaves, with the place in the data, the states that its recordings lead to there', async () => {
    // Without a rate to speak of, the parameters stay what they were.
    const still = job('still', training({ learningRate: 1e-30, noise: 0, updates: 60 }))
    await trainSparseWavernn(still, context())
    const { batches, parameters, masks, normalization, state } = checkpointOf('still')
    const ids = readCorpus(corpus).flatMap(({ id }) => (split(id) === 'train' ? [id] : []))
    const options = { groups: 1, steps: 60, seed: still.seed, noise: 0 }
    const planner = new Planner({ count: ids.length, frames: (i) => cachedFrames(still.cache, ids[i]!) }, options)
    const turned = batches.lanes.findIndex(({ draw }) => draw >= LANES)
    const { draw, frame } = batches.lanes[turned]!
    const recording = readRecording(still.cache, ids[planner.recordingOf(draw)]!)
    expect(frame).toBeLessThanOrEqual(100)

    // The lane alone, from its start to where the checkpoint's next batch begins.
    const layout = parameterLayout(TINY_NET)
    const engine = await createEngine('auto', layout, { threads: 1 })
    const alone = new Float32Array(state.length)
    const batch = emptyBatch(1, 60)
    for (let from = 0; from < frame; from += 2) {
      fillLane(batch, 0, new Utterance(recording, 0, 0), from, normalization)
      await engine.run(parameters, [new Map(Object.entries(masks) as [string, Uint16Array][])], batch, alone, null)
    }
    engine.close()
    const column = (data: Float32Array, lane: number) =>
      Array.from({ length: TINY_NET.hidden }, (_, i) => data[i * LANES + lane]!)
    expect(column(state, turned).some((v) => v !== 0)).toBe(true)
    column(state, turned).forEach((v, i) => {
      expect(v).toBeCloseTo(column(alone, 0)[i]!, 5)
    })
  })

  test('that is stopped half-way and resumed equals one that is not, bit for bit', async () => {
    const stop = new AbortController()
    const report = (p: Progress) => p.stage === 'train' && p.done === 103 && stop.abort()
    await trainSparseWavernn(job('halves'), context({ signal: stop.signal, report }))
    expect(checkpointOf('halves').update).toBe(103)
    await trainSparseWavernn(job('halves'), context({ resume: true }))
    expect(outcome('halves')).toEqual(outcome('whole'))
    expect(logOf('halves')).toEqual(logOf('whole'))
  })

  test('that is killed again and again ends like one that was left alone; SIGTERM loses nothing', async () => {
    const name = 'killed'
    // A checkpoint every update: about four changes of the folder each, so that kills meet every stage of writing one.
    const file = jobFile(name, given(name, { checkpoint: { minutes: 1e-9 } }))
    const random = new Random(2024)
    const updates: number[] = []
    for (let i = 0; i < 2; i++) {
      const killed = await trainAndSignal(file, name, 2 + random.below(160), 'SIGKILL')
      expect(killed).toMatchObject({ end: 'SIGKILL' })
      updates.push(existsSync(join(dir, name, CHECKPOINT_FILE)) ? checkpointOf(name).update : 0)
    }
    expect([...updates].sort((a, b) => a - b)).toEqual(updates)
    const stopped = await trainAndSignal(file, name, 3, 'SIGTERM')
    expect(stopped).toMatchObject({ end: 0 })
    const { update } = checkpointOf(name)
    expect(update).toBeGreaterThanOrEqual(updates[1]!)
    expect(update).toBeLessThan(UPDATES)
    const last = await trainAndSignal(file, name, Infinity, 'SIGKILL')
    expect(last).toMatchObject({ end: 0 })
    expect(outcome(name)).toEqual(outcome('whole'))
    expect(logOf(name)).toEqual(logOf('whole'))
  })

  test('whose newest checkpoint is damaged goes on from the one before', async () => {
    cpSync(join(dir, 'halves'), join(dir, 'damaged'), { recursive: true })
    truncateSync(join(dir, 'damaged', CHECKPOINT_FILE), 1000)
    await trainSparseWavernn(job('damaged'), context({ resume: true }))
    expect(outcome('damaged')).toEqual(outcome('whole'))
  })

  test('shared by worker processes ends with the same bits for any number of them, and with as many pairs', async () => {
    const over = {
      masks: { method: 'hybrid-es', pairs: 2, hold: 1, accumulate: 2 },
      training: { ...given('').training, updates: 12, lanes: 32, warmup: 4 },
      validation: { every: 12 },
    }
    await trainSparseWavernn(job('one-worker', { ...over, workers: 1 }), context())
    await trainSparseWavernn(job('two-workers', { ...over, workers: 2 }), context())
    expect(outcome('two-workers')).toEqual(outcome('one-worker'))
    expect(logOf('two-workers')).toEqual(logOf('one-worker'))
  })

  test('whose batches are made by threads ends with the same bits', async () => {
    const over = { training: { ...given('').training, updates: 30, lanes: 48 } }
    await trainSparseWavernn(job('no-threads', { ...over, batchThreads: 0 }), context())
    await trainSparseWavernn(job('two-threads', { ...over, batchThreads: 2 }), context())
    expect(outcome('two-threads')).toEqual(outcome('no-threads'))
    expect(logOf('two-threads')).toEqual(logOf('no-threads'))
  })

  // /dev/full takes nothing, as a full disk does.
  test.skipIf(!existsSync('/dev/full'))('whose disk is full for a while warns, goes on and ends as ever', async () => {
    const name = 'full'
    mkdirSync(join(dir, name))
    symlinkSync('/dev/full', join(dir, name, `${CHECKPOINT_FILE}.part`))
    symlinkSync('/dev/full', join(dir, name, 'log.jsonl'))
    const warnings: string[] = []
    const full = job(name, { checkpoint: { minutes: 1e-9 } })
    await trainSparseWavernn(full, context({ warn: (w) => warnings.push(w) }))
    expect(warnings).toHaveLength(2)
    for (const warning of warnings) expect(warning).toMatch(/^The disk is full: .*Training goes on/)
    expect(outcome(name)).toEqual(outcome('whole'))
  })

  test('that diverges lowers its rate and gives up at last, untouched by what an older run left', async () => {
    cpSync(join(dir, 'whole'), join(dir, 'wild'), { recursive: true })
    const net = { ...TINY_NET, hidden: 16 }
    const warnings: string[] = []
    const wild = job('wild', { net, ...training({ learningRate: 1e37, warmup: 0 }) })
    await expect(trainSparseWavernn(wild, context({ warn: (w) => warnings.push(w) }))).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
    })
    expect(warnings).toHaveLength(5)
    const log = logOf('wild').filter((l) => l.event === 'diverged')
    expect(log.length).toBeGreaterThan(0)
    const { net: left, rateScale, update } = checkpointOf('wild')
    expect({ left, rateScale, update }).toEqual({ left: net, rateScale: 1 / 32, update: 0 })
  })

  test.each([
    ['another `net`', { net: { ...TINY_NET, headHidden: 32 } }, '`net`'],
    ['another number of lanes', training({ lanes: 32 }), '`training.lanes`'],
  ])('of %s is not resumed', async (_, over, key) => {
    const file = jobFile('other', given('whole', over))
    const { code, stderr } = await sparsewave('train', file, '--resume')
    expect(code).toBe(2)
    expect(stderr).toContain(key)
  })

  test('becomes a voice that loads and speaks; made again, it keeps its acoustic model and card', async () => {
    const acoustic = join(dir, 'acoustic')
    const normalization = {
      pitchMean: 5,
      pitchSpread: 0.3,
      envelopeMean: new Float32Array(64).fill(-10),
      envelopeSpread: 1,
      speakerPitch: [],
    }
    writeAcousticCheckpoint(acoustic, initialCheckpoint({ ...TINY, symbols: PHONEMES }, normalization, 1))
    const models = join(dir, 'models')
    const out = join(models, 'made-up')
    const description = join(dir, 'voice.yaml')
    writeFileSync(description, 'description: made up\nlicence: CC0-1.0\naliases: [alloy]\n')
    const sharpening = { sharpen: 0, corpora: [corpus], cache: join(dir, 'cache') }
    await compactVoice({ checkpoint: join(dir, 'whole'), out, acoustic, description, ...sharpening })

    const voice = await loadVoice('made-up', { modelsDir: models })
    expect(voice.manifest).toMatchObject({
      description: 'made up',
      licence: 'CC0-1.0',
      symbols: PHONEMES,
      net: TINY_NET,
    })
    // The averaged weights are what is exported.
    const { average } = checkpointOf('whole')
    const { headBias } = parseWeights(readFileSync(voice.path('vocoder.safetensors')))
    expect(headBias.some((v) => v !== 0)).toBe(true)
    for (const v of headBias) expect(average).toContain(v)

    vi.stubEnv('SPARSEWAVE_MODELS', models)
    try {
      const synthesizer = await loadSynthesizer('alloy')
      let samples = 0
      let power = 0
      for await (const chunk of synthesizer.stream('Hello there.', { seed: 1 })) {
        samples += chunk.samples.length
        for (const v of chunk.samples) power += v * v
      }
      await synthesizer.close()
      expect(samples).toBeGreaterThan(2400)
      expect(power / samples).toBeGreaterThan(1e-9)
    } finally {
      vi.unstubAllEnvs()
    }

    writeFileSync(join(out, CARD_FILE), '# A card\n')
    const before = readFileSync(voice.path('acoustic.onnx'))
    const { code } = await sparsewave('compact', join(dir, 'halves', CHECKPOINT_FILE), '-o', out)
    expect(code).toBe(0)
    const again = await loadVoice('made-up', { modelsDir: models })
    expect(readFileSync(again.path('acoustic.onnx')).equals(before)).toBe(true)
    expect(readFileSync(again.path(CARD_FILE), 'utf8')).toBe('# A card\n')
    expect(again.manifest).toMatchObject({ description: 'made up', aliases: ['alloy'] })

    // A damaged model must not get a new checksum.
    truncateSync(again.path('acoustic.onnx'), 100)
    const refused = await sparsewave('compact', join(dir, 'whole'), '-o', out)
    expect(refused.stderr).toContain('acoustic.onnx has 100 bytes')
    expect(refused.code).toBe(2)
  })

  test('is evaluated: bits by band and measures of every test utterance, with the files a judge needs', async () => {
    const out = join(dir, 'evaluation')
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    // A cache that is not there yet is made.
    const cache = join(dir, 'evaluation-cache')
    const { code, stderr } = await sparsewave(
      ...['evaluate', join(dir, 'whole'), '--corpus', corpus, '--cache', cache, '-o', out],
    )
    const printed = print.mock.calls.map(([text]) => text).join('')
    print.mockRestore()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(printed).toMatch(/^u07 .*\nu17 .*\nheld-out bits a step by band: ([\d.-]+ ){3}[\d.-]+, sum /)
    const { bits, utterances } = JSON.parse(readFileSync(join(out, 'measures.json'), 'utf8'))
    expect(bits).toHaveLength(4)
    expect(utterances.map((u: { id: string }) => u.id)).toEqual(['u07', 'u17'])
    for (const pair of readFileSync(join(out, 'pairs.tsv'), 'utf8').trim().split('\n'))
      for (const wav of pair.split('\t')) expect(existsSync(wav)).toBe(true)
  })
})

test('with the reference engine too, a signal is heard between updates', async () => {
  const stop = new AbortController()
  const report = (p: Progress) => p.stage === 'train' && setImmediate(() => stop.abort())
  const slow = job('reference', { engine: 'reference', ...training({ steps: 30, updates: 5 }) })
  await trainSparseWavernn(slow, context({ signal: stop.signal, report }))
  expect(checkpointOf('reference').update).toBe(1)
})

describe('bad input is one plain sentence and a remedy, with exit code 2', () => {
  const tiny = { engine: 'reference' }
  const otherRate = join(dir, 'other-rate')
  const noTraining = join(dir, 'no-training')
  const train = (name: string, over: object) => ['train', jobFile(name, { ...given(name), ...tiny, ...over })]
  const voice = join(dir, 'new-voice')
  const missing = join(dir, 'missing')
  const models = join(dir, 'some-models')

  beforeAll(() => {
    mkdirSync(join(models, 'tiny'), { recursive: true })
    writeFileSync(join(models, 'tiny', 'voice.json'), '{}')
    for (const [folder, id] of [
      [otherRate, 'a1'],
      [noTraining, 'a7'],
    ] as const) {
      mkdirSync(join(folder, 'wavs'), { recursive: true })
      writeFileSync(join(folder, 'metadata.csv'), `${id}|text|text\n`)
      const wav = Buffer.from(encodeWav(madeUpSpeech(0.2, 150, 1)))
      // The header's sample rate.
      if (folder === otherRate) wav.writeUInt32LE(16000, 24)
      writeFileSync(join(folder, 'wavs', `${id}.wav`), wav)
    }
  })

  test.each([
    ['no such job file', () => ['train', join(dir, 'none.yaml')], /none\.yaml \(ENOENT\)/],
    ['an unknown key', () => train('k1', { corpora: 'x' }), /unknown key `corpora`\. Did you mean `corpus`\?/],
    [
      'an unknown key inside',
      () => train('k2', { net: { hiden: 32 } }),
      /unknown key `net\.hiden`\. Did you mean `net\.hidden`\?/,
    ],
    [
      'an unknown engine',
      () => train('k3', { engine: 'nativ' }),
      /no training engine 'nativ'.*Did you mean 'native'\?/,
    ],
    ['an unknown mask method', () => train('k4', { masks: { method: 'ramdom' } }), /Did you mean 'random'\?/],
    ['no such corpus', () => train('k5', { corpus: missing }), /no corpus in .*missing: neither/],
    ['a recording at another rate', () => train('k6', { corpus: otherRate }), /a1\.wav.*16000.*24/],
    ['nothing to train on', () => train('k7', { corpus: noTraining }), /has no training utterances/],
    ['minutes that are none', () => [...train('k8', {}), '--minutes', '-1'], /number above 0/],
    ['no such checkpoint', () => ['compact', missing, '-o', voice], /There is no checkpoint .*missing/],
    ['a folder without one', () => ['compact', corpus, '-o', voice], /There is no checkpoint in .*corpus/],
    ['an unknown voice', () => ['evaluate', 'tyni', '--corpus', corpus], /no voice 'tyni'\. Did you mean 'tiny'\?/],
    [
      'an unknown vocoder',
      () => ['evaluate', 'tiny', '--vocoder', 'wavenet'],
      /--vocoder must be sparse-wavernn or source-filter/,
    ],
  ])('%s', async (_, argv, message) => {
    vi.stubEnv('SPARSEWAVE_MODELS', models)
    const { code, stderr } = await sparsewave(...argv())
    vi.unstubAllEnvs()
    // The progress of making features comes before.
    const [sentence, remedy, ...rest] = stderr
      .replace(/^features .*\n/gm, '')
      .trimEnd()
      .split('\n')
    expect(sentence).toMatch(message)
    expect(remedy).toMatch(/\.$/)
    expect(rest).toEqual([])
    expect(code).toBe(2)
  })

  test.skipIf(!built)('a new voice without an acoustic model', async () => {
    const { code, stderr } = await sparsewave('compact', join(dir, 'whole'), '-o', voice)
    expect(stderr).toMatch(/new-voice is not a voice yet.*\n.*--acoustic/)
    expect(code).toBe(2)
    const other = await sparsewave('compact', join(dir, 'whole'), '-o', voice, '--acoustic', missing)
    expect(other.stderr).toMatch(/There is no checkpoint .*missing of an acoustic model/)
    expect(other.code).toBe(2)
    expect(existsSync(voice)).toBe(false)
  })
})
