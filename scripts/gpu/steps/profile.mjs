/**
 * Where an update of the webgpu engine spends its time: on the device by kernel (timestamps, every dispatch in a pass of its own), on the
 * host by what it does. Also whole updates without timestamps, and with toggles of Dawn. Writes JSON to the file it is given.
 *
 *     node steps/profile.mjs ROOT OUT.json 64,1024,2112
 *
 * SW_DAWN_FLAGS: what the packed copy of `webgpu` gives to Dawn, as `enable-dawn-features=disable_robustness`, by spaces.
 * SW_TIMESTAMPS=0: no timestamps, whole updates only. SW_STEPS, SW_HIDDEN: of the net. SW_SECONDS: begins nothing new after so many.
 */

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loader } from './load.mjs'

const [root, file, list = '64,1024'] = process.argv.slice(2)
const timestamps = process.env.SW_TIMESTAMPS !== '0'
// Dawn rounds timestamps to 0.1 ms otherwise.
const flags = (process.env.SW_DAWN_FLAGS ?? '').split(' ').filter(Boolean)
if (timestamps) flags.push('disable-dawn-features=timestamp_quantization')
process.env.SW_DAWN_FLAGS = flags.join(' ')
const load = loader(root)
const webgpu = await import(pathToFileURL(resolve(join(root, 'node_modules/webgpu/index.js'))).href)
const { netConfigSchema } = await load('src/vocoder/sparse-wavernn/config.js')
const { STEP_RATE } = await load('src/vocoder/sparse-wavernn/frame-parameters.js')
const { maskedSegments, parameterLayout } = await load('training/net/vocoder-layout.js')
const { sparseWavernnJobSchema } = await load('training/tasks/sparse-wavernn/job.js')
const { trialUpdates } = await load('training/tasks/sparse-wavernn/trial.js')
const { createMasks } = await load('training/masks/index.js')
const { createWebgpuEngine } = await load('training/engines/webgpu.js')

const steps = Number(process.env.SW_STEPS ?? 150)
const seconds = Number(process.env.SW_SECONDS ?? 60)
const net = netConfigSchema.parse({ hidden: Number(process.env.SW_HIDDEN ?? 384) })
const layout = parameterLayout(net)
const { GPUAdapter, GPUBuffer, GPUCommandEncoder, GPUQueue } = webgpu.globals
const MOST = 4096

/** What the update in progress recorded: [kernel, workgroups] of every dispatch, in order, and where their times are. */
let dispatches = []
let recording = false
let device
let features = []
const host = { writeBuffer: 0, submit: 0, map: 0 }

const requestDevice = GPUAdapter.prototype.requestDevice
GPUAdapter.prototype.requestDevice = async function (descriptor = {}) {
  features = [...this.features]
  const requiredFeatures = [...(descriptor.requiredFeatures ?? [])]
  if (timestamps && this.features.has('timestamp-query')) requiredFeatures.push('timestamp-query')
  device = await requestDevice.call(this, { ...descriptor, requiredFeatures })
  return device
}

/** Times what a method of `of` takes on the host. */
function timed(of, name, key) {
  const inner = of.prototype[name]
  of.prototype[name] = function (...args) {
    const before = performance.now()
    const result = inner.apply(this, args)
    const add = () => {
      host[key] += performance.now() - before
    }
    if (result instanceof Promise) return result.finally(add)
    add()
    return result
  }
}
timed(GPUQueue, 'writeBuffer', 'writeBuffer')
timed(GPUQueue, 'submit', 'submit')
timed(GPUBuffer, 'mapAsync', 'map')

const beginComputePass = GPUCommandEncoder.prototype.beginComputePass
const finish = GPUCommandEncoder.prototype.finish
/** Queries of encoders that are being recorded. */
const open = new WeakMap()
const resolved = []
GPUCommandEncoder.prototype.beginComputePass = function (...args) {
  if (!recording) return beginComputePass.apply(this, args)
  const state = open.get(this) ?? { set: device.createQuerySet({ type: 'timestamp', count: MOST }), count: 0 }
  open.set(this, state)
  let pipeline
  const groups = []
  return {
    setPipeline: (made) => {
      pipeline = made
    },
    setBindGroup: (index, group) => {
      groups[index] = group
    },
    dispatchWorkgroups: (...size) => {
      if (state.count + 2 > MOST) throw new Error('too many dispatches in one encoder')
      const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [state.count, state.count + 1]
      state.count += 2
      const timestampWrites = { querySet: state.set, beginningOfPassWriteIndex, endOfPassWriteIndex }
      const pass = beginComputePass.call(this, { timestampWrites })
      pass.setPipeline(pipeline)
      for (const [i, group] of groups.entries()) if (group) pass.setBindGroup(i, group)
      pass.dispatchWorkgroups(...size)
      pass.end()
      dispatches.push({ kernel: pipeline.label, size })
    },
    end: () => {},
  }
}
GPUCommandEncoder.prototype.finish = function (...args) {
  const state = open.get(this)
  if (state) {
    const size = state.count * 8
    const resolveTo = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC })
    const readback = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ })
    this.resolveQuerySet(state.set, 0, state.count, resolveTo, 0)
    this.copyBufferToBuffer(resolveTo, 0, readback, 0, size)
    resolved.push({ readback, resolveTo, set: state.set })
  }
  return finish.apply(this, args)
}

/** Nanoseconds of every dispatch: from its pass's begin, or the end of the one before if that is later, to its end. */
async function readTimes() {
  const times = []
  let previous = 0n
  let first
  for (const { readback, resolveTo, set } of resolved) {
    await readback.mapAsync(GPUMapMode.READ)
    const stamps = new BigUint64Array(readback.getMappedRange().slice(0))
    for (let i = 0; i < stamps.length; i += 2) {
      first ??= stamps[i]
      const from = stamps[i] > previous ? stamps[i] : previous
      times.push(Math.max(0, Number(stamps[i + 1] - from)))
      previous = stamps[i + 1]
    }
    readback.destroy()
    resolveTo.destroy()
    set.destroy()
  }
  resolved.length = 0
  return { times, span: first === undefined ? 0 : Number(previous - first) }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const started = performance.now()
const over = () => (performance.now() - started) / 1000 > seconds

const warnings = []
const engine = await createWebgpuEngine(layout, { warn: (message) => warnings.push(message) })
const canStamp = timestamps && device.features.has('timestamp-query')
console.log(`${engine.name}; Dawn: ${process.env.SW_DAWN_FLAGS || 'as it is'}; timestamps: ${canStamp ? 'yes' : 'no'}`)
if (timestamps) console.log(`features: ${features.join(' ')}`)
const made = { engine: engine.name, flags: process.env.SW_DAWN_FLAGS, features, steps, hidden: net.hidden, points: [] }

for (const sequences of list.split(',').map(Number)) {
  if (over()) {
    console.log(`${sequences} sequences: left out, ${seconds} s are over`)
    continue
  }
  const training = { lanes: sequences, steps }
  const job = sparseWavernnJobSchema.parse({ task: 'sparse-wavernn', corpus: '.', run: '.', net, training })
  const update = trialUpdates(job, engine, createMasks('random', { matrices: maskedSegments(layout), seed: 2 }))
  let n = 0
  await update(n++)
  const rounds = []
  for (let i = 0; i < 5 && (i < 2 || !over()); i++) {
    for (const key of Object.keys(host)) host[key] = 0
    const [before, used] = [performance.now(), process.cpuUsage()]
    await update(n++)
    const { user, system } = process.cpuUsage(used)
    const wall = performance.now() - before
    rounds.push({ wall, cpu: (user + system) / 1000, ...host, rest: wall - host.writeBuffer - host.submit - host.map })
  }
  const mid = rounds.toSorted((a, b) => a.wall - b.wall)[Math.floor(rounds.length / 2)]
  const ms = (v) => `${v.toPrecision(3)} ms`
  console.log(
    `${sequences} sequences: ${ms(mid.wall)} an update, ${((sequences * steps * 1000) / STEP_RATE / mid.wall).toFixed(0)} s of audio a second; ` +
      `host: writeBuffer ${ms(mid.writeBuffer)}, submit ${ms(mid.submit)}, waiting ${ms(mid.map)}, other JavaScript ${ms(mid.rest)}`,
  )
  const point = { sequences, memory: engine.counters.memory, update: mid, kernels: [], dispatches: [] }
  made.points.push(point)
  if (canStamp && !over()) {
    const stamped = []
    for (let i = 0; i < 3; i++) {
      dispatches = []
      recording = true
      await update(n++)
      recording = false
      stamped.push({ ...(await readTimes()), dispatches })
      if (over()) break
    }
    const best = stamped.toSorted((a, b) => a.span - b.span)[Math.floor(stamped.length / 2)]
    const all = best.times.reduce((a, b) => a + b, 0)
    point.deviceMs = best.span / 1e6
    point.dispatches = best.dispatches.map(({ kernel, size }, i) => ({ kernel, size, ms: best.times[i] / 1e6 }))
    const byKernel = Map.groupBy
      ? Map.groupBy(point.dispatches, (d) => d.kernel)
      : point.dispatches.reduce((m, d) => m.set(d.kernel, [...(m.get(d.kernel) ?? []), d]), new Map())
    point.kernels = [...byKernel]
      .map(([kernel, of]) => ({ kernel, dispatches: of.length, ms: of.reduce((sum, d) => sum + d.ms, 0) }))
      .toSorted((a, b) => b.ms - a.ms)
    console.log(
      `  on the device ${ms(best.span / 1e6)}, of which kernels ${ms(all / 1e6)}; median dispatch ${ms(median(best.times) / 1e6)}`,
    )
    for (const { kernel, dispatches: count, ms: took } of point.kernels)
      console.log(
        `    ${kernel.padEnd(12)} ${String(count).padStart(4)} x ${(took / count).toFixed(4).padStart(9)} ms = ${took.toFixed(3).padStart(9)} ms ${((100e6 * took) / all).toFixed(1).padStart(5)} %`,
      )
    const longest = point.dispatches.toSorted((a, b) => b.ms - a.ms).slice(0, 8)
    console.log(`    longest: ${longest.map((d) => `${d.kernel} [${d.size}] ${d.ms.toFixed(3)}`).join(', ')}`)
  }
  writeFileSync(file, `${JSON.stringify({ ...made, warnings }, null, 1)}\n`)
}
for (const warning of warnings) console.log(`warning: ${warning}`)
engine.close()
process.exit(0)
