/**
 * The webgpu engine against the native one in single precision, and against itself: equal calls must give equal bits, which a race
 * would not. Prints a line a check, writes all as JSON to the file it is given; exit code 1 where one fails.
 *
 *     node steps/gradients.mjs ROOT OUT.json
 *
 * SW_LARGE: sequences of the largest check (0: none); SW_SECONDS: begins no check after so many.
 */

import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loader } from './load.mjs'

const [root, file] = process.argv.slice(2)
const load = loader(root)
const { netConfigSchema } = await load('src/vocoder/sparse-wavernn/config.js')
const { parameterLayout } = await load('training/net/vocoder-layout.js')
const { syntheticBatch, syntheticMasks, syntheticParameters } = await load('training/engines/synthetic.js')
const { createSinglePrecisionEngine } = await load('training/engines/native.js')
const { createUpdates } = await load('training/net/updates.js')
const { createWebgpuEngine } = await load('training/engines/webgpu.js')
const { openDevice } = await load('training/engines/webgpu/device.js')

const LANES = 16
const large = Number(process.env.SW_LARGE ?? 4096)
const seconds = Number(process.env.SW_SECONDS ?? 90)
const small = process.env.SW_SMALL === '1'
const threads = availableParallelism()
const warn = (message) => console.error(message)

const open = await openDevice()
const { adapter, device } = open
const limits = Object.fromEntries(
  [
    'maxBufferSize',
    'maxStorageBufferBindingSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeY',
    'maxComputeWorkgroupStorageSize',
    'maxStorageBuffersPerShaderStage',
  ].map((name) => [name, device.limits[name]]),
)
console.log(`${adapter.name}${adapter.software ? ' (software)' : ''}: ${JSON.stringify(limits)}`)
console.log(
  `usable: ${adapter.invocations} threads a workgroup, ${(adapter.binding / 2 ** 20).toFixed(0)} MiB a binding`,
)

const results = []
const save = () =>
  writeFileSync(file, `${JSON.stringify({ adapter: adapter.name, limits, threads, results }, null, 1)}\n`)
const started = performance.now()
let failed = 0

/** Runs a check; `values` are distances by what they are of, `bounds` the largest that pass. */
async function check(name, work) {
  const elapsed = (performance.now() - started) / 1000
  if (elapsed > seconds) {
    console.log(`-    ${name}: left out, ${elapsed.toFixed(0)} s are over`)
    return
  }
  const before = performance.now()
  try {
    const { values, bounds, note = '' } = await work()
    const over = Object.keys(bounds).filter((key) => !(values[key] <= bounds[key]))
    const told = Object.entries(values).map(([key, v]) => `${key} ${typeof v === 'number' ? v.toExponential(1) : v}`)
    const took = (performance.now() - before) / 1000
    console.log(`${over.length > 0 ? 'FAIL' : 'ok  '} ${name}: ${told.join(', ')}${note} (${took.toFixed(1)} s)`)
    results.push({ name, ok: over.length === 0, values, bounds, seconds: took })
    failed += over.length > 0 ? 1 : 0
  } catch (error) {
    console.log(`FAIL ${name}: ${error?.stack ?? error}`)
    results.push({ name, ok: false, error: String(error?.message ?? error) })
    failed++
  }
  save()
}

function distance(a, b, from = 0, to = a.length) {
  let difference = 0
  let norm = 0
  for (let i = from; i < to; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm)
}

const different = (a, b) => {
  let n = 0
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) n++
  return n
}

const shape = (hidden, headHidden, conditioning, density = {}) =>
  parameterLayout(netConfigSchema.parse({ hidden, headHidden, conditioning, density }))
const startState = (size) => new Float32Array(size * LANES).map((_, i) => Math.sin(i * 0.7) * 0.8)
const gpu = (layout) => createWebgpuEngine(layout, { open: async () => open, warn })
const cpu = (layout) => createSinglePrecisionEngine(layout, { threads })

async function run(engine, layout, batch, members, options = {}) {
  const groups = options.share === 'pairs' ? batch.groups / (members.length / 2) : batch.groups
  const state = startState(members.length * groups * layout.config.hidden)
  const gradient = new Float32Array(layout.size).fill(Number.NaN)
  const before = performance.now()
  const result = await engine.run(syntheticParameters(layout, 2), members, batch, state, gradient, options)
  return { losses: result.losses, state, gradient, seconds: performance.now() - before }
}

/** Distances of losses, states and the worst segment's gradient. */
function compare(got, want, layout) {
  const segments = layout.segments.map((s) => [
    s.name,
    distance(got.gradient, want.gradient, s.offset, s.offset + s.size),
  ])
  const [name, gradient] = segments.reduce((a, b) => (b[1] > a[1] || Number.isNaN(b[1]) ? b : a))
  return {
    losses: distance(got.losses, want.losses),
    states: distance(got.state, want.state),
    gradient,
    worst: name,
    finite: got.gradient.every(Number.isFinite) && got.losses.every(Number.isFinite) ? 0 : 1,
  }
}

const TIGHT = { losses: 1e-5, states: 2e-5, gradient: 5e-5, finite: 0 }

async function against(layout, batch, members, options = {}, bounds = TIGHT, repeats = 1) {
  const engine = await gpu(layout)
  const got = await run(engine, layout, batch, members, options)
  let bits = 0
  let time = got.seconds
  for (let i = 0; i < repeats; i++) {
    const again = await run(engine, layout, batch, members, options)
    bits += different(again.gradient, got.gradient) + different(again.losses, got.losses)
    bits += different(again.state, got.state)
    time = Math.min(time, again.seconds)
  }
  const want = await run(await cpu(layout), layout, batch, members, options)
  return {
    values: { ...compare(got, want, layout), bits },
    bounds: { ...bounds, bits: 0 },
    note: `; webgpu ${time.toFixed(1)} ms, native ${want.seconds.toFixed(1)} ms`,
  }
}

const tiny = shape(16, 16, 16)
const masks = (layout, n, seed = 1) => Array.from({ length: n }, (_, i) => syntheticMasks(layout, seed + 6 * i))
await check('16 units, two members', () => against(tiny, syntheticBatch(1, 30, 3), masks(tiny, 2)))
const odd = shape(48, 48, 32, { reset: 0.3, input: 0.9 })
await check('48 units', () => against(odd, syntheticBatch(1, 30, 3), masks(odd, 1)))
const least = shape(16, 16, 48, { reset: 0.01, update: 0.01, candidate: 0.01, input: 0.01, head: 0.01 })
await check('one block a strip', () => against(least, syntheticBatch(1, 30, 3), masks(least, 1)))
const dense = shape(32, 32, 16, { reset: 1, update: 1, candidate: 1, input: 1, head: 1 })
await check('all blocks', () => against(dense, syntheticBatch(1, 30, 3), masks(dense, 2)))
await check('gradients of dropped blocks', () =>
  against(tiny, syntheticBatch(1, 30, 3), masks(tiny, 2), { denseGradient: true }),
)
await check('pairs that share a batch', () =>
  against(tiny, syntheticBatch(2, 30, 3), masks(tiny, 4), { share: 'pairs' }),
)

const standard = parameterLayout(netConfigSchema.parse({}))
const steps = small ? 30 : 150
await check(`the default net, 32 sequences of ${steps} steps`, () =>
  against(standard, syntheticBatch(2, steps, 3), masks(standard, 1), {}, TIGHT, 2),
)
await check('three updates on the device and on the host', async () => {
  const sequences = small ? 16 : 256
  const adam = { rate: 3e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 0.5, average: 0.9 }
  const method = (of) => ({
    name: 'made up',
    share: 'all',
    members: () => of,
    wantsWeights: () => false,
    update() {},
    final: () => of[0],
    state: () => ({}),
    restore() {},
  })
  const layout = small ? tiny : standard
  const start = () => {
    const parameters = syntheticParameters(layout, 2)
    const zeros = () => new Float32Array(layout.size)
    return { parameters, first: zeros(), second: zeros(), average: parameters.slice() }
  }
  const of = masks(layout, 1)
  const groups = sequences / LANES
  const batches = [3, 4, 5].map((seed) => syntheticBatch(groups, 30, seed))
  const train = async (engine) => {
    const [weights, state] = [start(), startState(groups * layout.config.hidden)]
    const updates = createUpdates(engine, { layout, masks: method(of), weights, state, groups })
    const norms = []
    for (let step = 0; step < 3; step++) {
      const at = { step, progress: 0 }
      const made = await updates.update(at, batches[step], { ...adam, step: step + 1 }, step === 1 ? [3] : [])
      norms.push(made.norm)
    }
    await updates.fetch()
    return { ...weights, state, norms }
  }
  const got = await train(await gpu(layout))
  const want = await train(await cpu(layout))
  const moved = distance(want.parameters, start().parameters)
  return {
    values: {
      norms: distance(got.norms, want.norms),
      parameters: distance(got.parameters, want.parameters) / moved,
      average: distance(got.average, want.average) / moved,
      moments: Math.max(distance(got.first, want.first), distance(got.second, want.second)),
      states: distance(got.state, want.state),
    },
    bounds: { norms: 1e-5, parameters: 1 / 200, average: 1 / 200, moments: 2e-4, states: 2e-4 },
  }
})
// Buffers near the largest binding, and more sequences than one slice takes.
if (large > 0)
  await check(`the default net, ${large} sequences of ${steps} steps`, () =>
    against(standard, syntheticBatch(large / LANES, steps, 3), masks(standard, 1), {}, { ...TIGHT, gradient: 2e-4 }, 2),
  )
const shared = Math.max(64, large / 4)
if (large > 0)
  await check(`a population of 4 pairs, ${shared} sequences`, () =>
    against(
      standard,
      syntheticBatch(shared / LANES, steps, 3),
      masks(standard, 8),
      { share: 'pairs' },
      { ...TIGHT, gradient: 2e-4 },
    ),
  )
save()
console.log(`${results.filter((r) => r.ok).length} of ${results.length} checks passed`)
open.device.destroy()
process.exit(failed > 0 ? 1 : 0)
