/**
 * What a second of audio costs, text to samples, by part: the acoustic model, the conditioning net, frame parameters, the net's step by
 * part, the source-filter draft, level matching, and what is left, which is JavaScript with its garbage collection.
 *
 *     node bench/dist/parts.js [VOICE] [--streams N] [--rounds N]
 *
 * Streams run side by side on one thread, as in the server. All is CPU time; garbage collection's own threads run beside any part. The step's
 * parts are shares of a clock in the kernel (native/vocoder/stopwatch.h); --total leaves them out.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PerformanceObserver } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { chooseEngine } from 'sparsewave/internal/engine'
import { detectCpu, type KernelModel, STEP_PARTS, type VocoderKernel } from 'sparsewave/internal/kernels/index'
import type { Layers } from 'sparsewave/internal/layers/index'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { Synthesizer } from 'sparsewave/internal/synthesis/synthesizer'
import { languageFor } from 'sparsewave/internal/text/index'
import { createLevelMatched } from 'sparsewave/internal/vocoder/level-matching/index'
import type { EventEngine } from 'sparsewave/internal/vocoder/source-filter/index'
import { createSparseWavernn } from 'sparsewave/internal/vocoder/sparse-wavernn/index'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { median, spokenSeconds } from './measure.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    streams: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '5' },
    total: { type: 'boolean', default: false },
  },
})
const voice = await loadVoice(positionals[0] ?? 'heart')
const texts = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n')
const streams = Number(flags.streams)
const rounds = Number(flags.rounds)

/** Milliseconds by part of this round. */
let spent = new Map<string, number>()
const add = (part: string, ms: number): void => void spent.set(part, (spent.get(part) ?? 0) + ms)

/** CPU milliseconds of this process. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function timed<A extends readonly unknown[], R>(part: string, work: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const started = cpuTime()
    const made = work(...args)
    add(part, cpuTime() - started)
    return made
  }
}

const timedLayers = (layers: Layers, part: string): Layers => ({
  name: layers.name,
  matrix(weight, bias, width) {
    const matrix = layers.matrix(weight, bias, width)
    return { ...matrix, product: timed(part, matrix.product) }
  },
  norm: timed(part, layers.norm),
  attention: timed(part, layers.attention),
  predictor(tables) {
    const predictor = layers.predictor(tables)
    return { ...predictor, predict: timed('frame parameters', predictor.predict) }
  },
  close: layers.close,
})

const timedSourceFilter = (engine: EventEngine): EventEngine => ({
  ...engine,
  open(random) {
    const stream = engine.open(random)
    return { ...stream, add: timed('draft', stream.add), emit: timed('draft', stream.emit) }
  },
  matchLevels: timed('levels', engine.matchLevels),
})

let model: KernelModel | undefined
const timedKernel = (kernel: VocoderKernel): VocoderKernel => ({
  ...kernel,
  createModel(weights, options) {
    const made = kernel.createModel(weights, options)
    model = made
    return { ...made, generateMany: timed('step', made.generateMany) }
  },
})

const engine = chooseEngine()
const layersFor = (part: string): Layers | null => {
  const layers = engine.layers.open()
  return layers && timedLayers(layers, part)
}
const acoustic = await AcousticModel.load(await voice.model('acoustic.onnx'), voice.manifest, {
  layers: layersFor('acoustic model'),
})
const vocoder = createLevelMatched(
  await createSparseWavernn({
    weights: await voice.read('vocoder.safetensors'),
    conditioning: await voice.model('conditioning.onnx'),
    kernel: timedKernel(engine.kernel),
    precision: engine.precision,
    layers: layersFor('conditioning'),
    ...(voice.manifest.temperature && { temperature: voice.manifest.temperature }),
  }),
  timedSourceFilter(engine.sourceFilter.open()),
  voice.manifest.levelMatching,
)
const language = languageFor(voice.manifest.language)
const synthesizer = new Synthesizer({
  voice: voice.manifest.name,
  defaultVocoder: 'sparse-wavernn',
  ...(voice.manifest.pauses && { pauses: voice.manifest.pauses }),
  language,
  phonemize: timed('text', (text, given) => language.phonemize(text, given)),
  predict: (phonemes, { mixture, ...options }) => acoustic.predict(phonemes, options),
  openVocoder: async () => vocoder,
})

const collector = 'garbage collection, main thread'
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) add(collector, duration)
})
observer.observe({ entryTypes: ['gc'] })
/** Observers hear of what happened in a later turn. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

const costs: Map<string, number>[] = []
for (let round = -2; round < rounds; round++) {
  await settled()
  spent = new Map()
  if (!flags.total) model?.partTicks?.()
  const before = cpuTime()
  let audio = 0
  const spoken = Array.from({ length: streams }, (_, i) =>
    spokenSeconds(synthesizer, texts[i % texts.length]!, i, 'sparse-wavernn'),
  )
  for (const seconds of await Promise.all(spoken)) audio += seconds
  const total = cpuTime() - before
  await settled()
  if (round < 0) continue
  const step = spent.get('step') ?? 0
  const ticks = (!flags.total && model?.partTicks?.()) || new Float64Array()
  const all = ticks.reduce((a, b) => a + b, 0)
  for (const [i, part] of STEP_PARTS.entries()) if (all > 0) add(`step: ${part}`, (step * ticks[i]!) / all)
  let parts = 0
  for (const [part, ms] of spent) if (!part.startsWith('step:')) parts += ms
  add('other JavaScript, other threads', total - parts)
  add('total', total)
  costs.push(new Map([...spent].map(([part, ms]) => [part, ms / audio])))
}
await synthesizer.close()

const cpu = detectCpu()
console.log(
  `${cpu.model}, Node ${process.versions.node}, ${engine.kernel.name} in ${engine.precision}; ${streams} streams, ${rounds} rounds`,
)
console.log('| part | CPU ms a second of audio |')
console.log('| --- | --- |')
const order = [
  'text',
  'acoustic model',
  'conditioning',
  'frame parameters',
  'step',
  ...STEP_PARTS.map((part) => `step: ${part}`),
  'draft',
  'levels',
  collector,
  'other JavaScript, other threads',
  'total',
]
for (const part of order)
  if (costs.some((c) => c.has(part)))
    console.log(`| ${part} | ${median(costs.map((c) => c.get(part) ?? 0)).toFixed(2)} |`)
