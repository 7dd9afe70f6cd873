/// <reference types="@webgpu/types" />
/**
 * Engines of nets on a device. A member's run over one group of lanes is a slot; slots run side by side, as many as the device's memory
 * takes, the rest in further slices. Every sum has a fixed order: equal calls give equal bits on one device.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { AdamOptions } from '../../net/adam.ts'
import {
  DeviceLost,
  LANES,
  memberGroups,
  type PopulationEngine,
  type StepOptions,
  type StepResult,
} from '../../net/engine.ts'
import { maskedSegments } from '../../net/layout.ts'
import type { MaskSet, Weights } from '../../net/mask.ts'
import { type OpenDevice, OutOfDeviceMemory, openDevice } from './device.ts'
import { IndexTable } from './indices.ts'
import type { Call, DeviceNet, PassOptions } from './net.ts'
import { optimizer } from './optimizer.ts'
import { type Buffers, type Counters, Session } from './session.ts'
import { adamConstants } from './shaders.ts'

/** A lost device is opened again and the call repeated, at most so often in a row. */
const MAX_LOSSES = 3
const MAX_DISPATCH = 65535
/** Shapes of calls that are kept: slices, validation's batches. */
const MAX_SHAPES = 64
/** Parts that the gradient's sums over slots are made in, more where members ask for it: short sums, since their steps are one after another. */
const PARTS = 160

export interface WebgpuOptions {
  readonly threads?: number
  readonly warn?: (message: string) => void
  /** For tests: opens the device instead of the adapter's. */
  readonly open?: () => Promise<OpenDevice>
}

export interface DeviceEngine<B> extends PopulationEngine<B> {
  readonly resident: NonNullable<PopulationEngine<B>['resident']>
  /** One member's forward run; returns a buffer of the net, [slots, what `slotSizes` says]. */
  read(parameters: Float32Array, member: MaskSet, batch: B, state: Float32Array, buffer: string): Promise<Float32Array>
  /** Since the device was opened. */
  readonly counters: Readonly<Counters>
}

type Shape = Pick<PassOptions, 'slots' | 'steps' | 'table'>

/** Where a slice's slots start, and which slots see a group. */
interface Carry {
  readonly from: number
  readonly groups: number
  /** Slots between those of one group, and how many see a group. */
  readonly apart: number
  readonly seers: number
}

/** A call's slots, in slices of buffers that the device has. */
interface Plan {
  readonly steps: number
  /** [group, member] of every slot. */
  readonly slots: readonly (readonly [number, number])[]
  readonly slice: number
  readonly buffers: Buffers
  readonly counts: Float64Array
  readonly count: number
  /** The net's calls for slots [from, from + n), with those that bring their states from what a run keeps, and back. */
  calls(from: number, n: number, resident?: boolean): readonly Call[]
}

const defaultWarn = (message: string): void => {
  process.stderr.write(`\n${message}\n`)
}

const unavailable = (message: string, cause?: unknown) =>
  new SparsewaveError('ENGINE_UNAVAILABLE', message, {
    remedy: 'Give the job fewer `training.steps`, or train with another engine.',
    cause,
  })

/** Throws ENGINE_UNAVAILABLE where there is no usable adapter. */
export async function createDeviceEngine<B>(net: DeviceNet<B>, options: WebgpuOptions = {}): Promise<DeviceEngine<B>> {
  const { warn = defaultWarn, open = openDevice } = options
  const { layout, lossParts, stateFeatures } = net
  const stateSize = stateFeatures * LANES
  const finish = optimizer(layout)
  const shaders = [...net.shaders, ...finish.shaders, ...(stateFeatures > 0 ? (['spread', 'gather'] as const) : [])]
  const table = new IndexTable(maskedSegments(layout))
  let session = await Session.create(await open(), stateFeatures, shaders)
  /** Most slots of a slice that the device has been found to take. */
  let most = Number.POSITIVE_INFINITY
  /** Calls by their shape, as long as masks lie where they did. */
  let made: { readonly places: IndexTable['places']; readonly calls: Map<string, readonly Call[]> } = {
    places: table.places,
    calls: new Map(),
  }
  /** What a run keeps on the device, and whose it is. */
  let kept: { readonly session: Session; readonly buffers: Buffers } | undefined
  /** A batch that is on the device already, and the buffers it is in. */
  let sent: { readonly batch: B; readonly buffers: Buffers } | undefined
  /** The last `send`, and when the last call has submitted all it will: a call waits for what was sent before it, and the other way round. */
  let sending: Promise<void> = Promise.resolve()
  let submitted: Promise<void> = Promise.resolve()
  /** The buffers of its updates: a call's, with those. */
  let joint: { readonly of: Buffers; readonly own: Buffers; readonly buffers: Buffers } | undefined

  /** At the start of a call: what to call when all of it is submitted, and what was sent before. */
  function begin(): { readonly done: () => void; readonly before: Promise<void> } {
    let done = () => {}
    submitted = new Promise((resolve) => {
      done = resolve
    })
    return { done, before: sending }
  }

  const upload = (arrays: Readonly<Record<string, Float32Array>>, buffers: Buffers) =>
    session.upload(Object.entries(arrays).map(([key, data]) => [buffers[key]!, data]))

  function send(batch: B): Promise<void> {
    const after = submitted
    const work = async () => {
      await after
      const { latest: buffers } = session
      const arrays = net.arrays(batch)
      if (Object.entries(arrays).some(([key, { byteLength }]) => buffers[key]?.size !== byteLength)) return
      await upload(arrays, buffers)
      sent = { batch, buffers }
    }
    // The next update copies it again, and says what is wrong.
    sending = work().catch(() => {})
    return sending
  }

  /** Puts masks and batch on the device. Throws ENGINE_UNAVAILABLE where not even one slot fits. */
  async function prepare(
    members: readonly MaskSet[],
    batch: B,
    options: StepOptions,
    backward: boolean,
    before: Promise<void>,
  ): Promise<Plan> {
    const { binding, name } = session.open.adapter
    const steps = net.steps(batch)
    const groups = net.groups(batch)
    const seen = members.map((_, m) => memberGroups(m, members.length, groups, options))
    const counts = Float64Array.from(seen, ([from, n]) => net.count(batch, from, n))
    const slots = seen.flatMap(([from, n], m) => Array.from({ length: n }, (_, g) => [from + g, m] as const))
    table.set(members)
    const arrays = net.arrays(batch)
    const shared = {
      parameters: layout.size,
      ...Object.fromEntries(Object.entries(arrays).map(([key, data]) => [key, data.length])),
      gradient: layout.size,
      scale: 4,
      none: 4,
      nothing: 4,
    }
    const sizes = net.slotSizes(steps, backward)
    const tooLarge = (cause?: unknown) =>
      unavailable(`${name} has no memory for one group of ${LANES} lanes x ${steps} steps.`, cause)
    const fits = Math.floor(Math.min(binding / (Math.max(...Object.values(sizes)) * 4), MAX_DISPATCH / lossParts))
    if (fits < 1) throw tooLarge()
    const mostParts = Math.max(1, Math.floor(binding / (4 * layout.size)))
    const partsOf = (slice: number) =>
      slicesOf(slots.length, slice).map(([from, n]) =>
        backward ? partition(slots.slice(from, from + n), Math.ceil(slice / Math.min(PARTS, mostParts))) : [],
      )
    let slice = Math.min(most, fits, slots.length)
    while (slice > 1 && Math.max(...partsOf(slice).map(({ length }) => length)) > mostParts) slice--
    let buffers: Buffers
    for (;;) {
      const parts = partsOf(slice)
      const indices = table.size + 2 * slots.length + 2 * parts.flat().length
      const widest = Math.max(1, ...parts.map(({ length }) => length))
      try {
        buffers = await session.buffers({ ...shared, indices, parts: widest * layout.size }, sizes, slice)
        break
      } catch (error) {
        if (!(error instanceof OutOfDeviceMemory)) throw error
        if (slice === 1) throw tooLarge(error)
        slice = Math.floor(slice / 2)
        most = slice
        warn(
          `The GPU is out of memory; going on with ${slice * LANES} sequences at a time instead of ${slots.length * LANES}.`,
        )
      }
    }
    await before
    if (sent?.batch !== batch || sent.buffers !== buffers) await upload(arrays, buffers)
    sent = undefined
    table.send(buffers.indices!, (words, at) => session.put(buffers.indices!, words, at))
    const parts = partsOf(slice)
    session.put(buffers.indices!, Uint32Array.from([slots.flat(), parts.flat(2)].flat()), table.size)
    const scale =
      1 /
      Math.max(
        1,
        counts.reduce((a, b) => a + b, 0),
      )
    session.put(buffers.scale!, Float32Array.of(scale, 0, 0, 0))
    const [apart, seers] = options.share === 'pairs' ? [seen[0]![1], 2] : [groups, members.length]
    const calls = (from: number, n: number, resident = false) => {
      const at = from / slice
      const partTable = table.size + 2 * slots.length + 2 * parts.slice(0, at).flat().length
      const shape = { slots: n, parts: parts[at]!.length, partTable, steps, table: table.size + 2 * from, backward }
      const wanted = { ...shape, denseGradient: options.denseGradient ?? false }
      const carry = { from, groups, apart, seers }
      return cached(JSON.stringify([wanted, resident && carry]), () => {
        const own = net.passes({ ...wanted, indices: table.places })
        return resident && stateFeatures > 0 ? [spread(shape), ...own, gather(shape, carry)] : own
      })
    }
    return { steps, slots, slice, buffers, counts, count: net.count(batch, 0, groups), calls }
  }

  /** Calls are made anew only where their shape is new, so that the device need not be told again what they are. */
  function cached(shape: string, make: () => readonly Call[]): readonly Call[] {
    if (made.places !== table.places || made.calls.size > MAX_SHAPES) made = { places: table.places, calls: new Map() }
    const calls = made.calls.get(shape) ?? make()
    made.calls.set(shape, calls)
    return calls
  }

  const spread = ({ slots, steps, table }: Shape): Call => ({
    shader: 'spread',
    groups: [stateFeatures / 16, slots],
    buffers: { x: 'carried', a: 'running', z: 'states' },
    uniform: { rows: stateFeatures, steps, table },
    matrices: [],
  })
  const gather = ({ slots, steps }: Shape, { from, groups, apart, seers }: Carry): Call => ({
    shader: 'gather',
    groups: [stateFeatures / 16, groups],
    buffers: { x: 'states', y: 'next' },
    uniform: { rows: stateFeatures, steps, each: apart, size: seers, first: from, slots, scale: 1 / seers },
    matrices: [],
  })

  interface Wanted {
    readonly gradient: Float32Array | null
    /** A buffer of the net, and where its slots go. */
    readonly read?: { readonly buffer: string; readonly to: Float32Array }
  }

  async function once(
    { done, before }: ReturnType<typeof begin>,
    parameters: Float32Array,
    members: readonly MaskSet[],
    batch: B,
    state: Float32Array,
    wanted: Wanted,
    options: StepOptions,
  ): Promise<{ result: StepResult; state: Float32Array; gradient: Float32Array | null }> {
    const plan = await prepare(members, batch, options, wanted.gradient !== null, before)
    const { steps, slots, buffers, counts, count } = plan
    session.put(buffers.parameters!, parameters)
    const newState = new Float32Array(slots.length * stateSize)
    const losses = new Float64Array(members.length * lossParts)
    const gradient = wanted.gradient ? new Float32Array(layout.size) : null
    const readSize = wanted.read ? wanted.read.to.length / slots.length : 0
    for (const [from, n] of slicesOf(slots.length, plan.slice)) {
      for (let s = 0; s < n && stateSize > 0; s++)
        session.put(
          buffers.states!,
          state.subarray((from + s) * stateSize, (from + s + 1) * stateSize),
          s * (steps + 1) * stateSize,
        )
      const last = from + n === slots.length
      const pieces = [n * stateSize, n * lossParts, gradient && last ? layout.size : 0, n * readSize]
      const [lossAt, gradientAt, readAt, floats] = pieces.map((_, i) =>
        pieces.slice(0, i + 1).reduce((a, b) => a + b),
      ) as [number, number, number, number]
      const making = session.submit(floats, [
        (encoder, readback) => {
          if (from === 0) encoder.clearBuffer(buffers.gradient!)
          if (gradient) encoder.clearBuffer(buffers.parts!)
          session.record(encoder, plan.calls(from, n), buffers)
          const take = (name: string, source: number, at: number, floats: number) => {
            if (floats > 0) encoder.copyBufferToBuffer(buffers[name]!, source * 4, readback, at * 4, floats * 4)
          }
          for (let s = 0; s < n; s++) take('states', (s * (steps + 1) + steps) * stateSize, s * stateSize, stateSize)
          take('losses', 0, lossAt, n * lossParts)
          take('gradient', 0, gradientAt, pieces[2]!)
          if (wanted.read) take(wanted.read.buffer, 0, readAt, n * readSize)
        },
      ])
      if (last) done()
      const made = await making
      newState.set(made.subarray(0, lossAt), from * stateSize)
      addLosses(losses, made.subarray(lossAt, gradientAt), slots.slice(from, from + n))
      if (last) gradient?.set(made.subarray(gradientAt, readAt))
      wanted.read?.to.set(made.subarray(readAt), from * readSize)
    }
    return { result: { losses, count, counts }, state: newState, gradient }
  }

  /** Adds slots' losses [slots, parts] to those of their members. */
  function addLosses(losses: Float64Array, made: Float32Array, slots: readonly (readonly [number, number])[]): void {
    for (const [s, [, member]] of slots.entries())
      for (let p = 0; p < lossParts; p++) losses[member * lossParts + p]! += made[s * lossParts + p]!
  }

  /** Why the device was lost, if it was. The reason arrives after the calls that the loss made fail. */
  async function reasonOfLoss(): Promise<string | undefined> {
    await new Promise((resolve) => setImmediate(resolve))
    return session.open.lost
  }

  /** Does `work` on a device that is there: a lost one is opened again, and all of it repeated. */
  async function repeated<T>(work: () => Promise<T>): Promise<T> {
    for (let losses = 0; ; ) {
      try {
        return await work()
      } catch (error) {
        const reason = await reasonOfLoss()
        if (reason === undefined || ++losses > MAX_LOSSES) throw error
        warn(`The GPU was lost (${reason}); opening it again.`)
        session = await Session.create(await open(), stateFeatures, shaders)
      }
    }
  }

  async function run(
    parameters: Float32Array,
    members: readonly MaskSet[],
    batch: B,
    state: Float32Array,
    wanted: Wanted,
    options: StepOptions,
  ): Promise<StepResult> {
    const made = await repeated(async () => {
      const call = begin()
      try {
        return await once(call, parameters, members, batch, state, wanted, options)
      } finally {
        call.done()
      }
    })
    // Only now: what the call was given is whole until it has succeeded.
    state.set(made.state)
    wanted.gradient?.set(made.gradient!)
    return made.result
  }

  /** What `work` does with what the run keeps. Throws DeviceLost where that is gone. */
  async function withKept<T>(work: (buffers: Buffers) => Promise<T>): Promise<T> {
    if (!kept) throw new Error('nothing was uploaded')
    if (kept.session !== session) throw new DeviceLost('it was opened again')
    try {
      return await work(kept.buffers)
    } catch (error) {
      const reason = await reasonOfLoss()
      throw reason === undefined ? error : new DeviceLost(reason, error)
    }
  }

  async function uploadWeights({ parameters, first, second, average }: Weights, state: Float32Array): Promise<void> {
    await repeated(async () => {
      // A device that is lost takes whatever it is given.
      if (session.open.lost !== undefined) throw new Error(session.open.lost)
      const buffers = await session.keep(finish.sizes(state.length)).catch((error: unknown) => {
        if (!(error instanceof OutOfDeviceMemory)) throw error
        throw unavailable(`${session.open.adapter.name} has no memory for the net's ${layout.size} weights.`, error)
      })
      for (const [i, data] of [parameters, first, second, average].entries())
        session.put(buffers.trained!, data, i * layout.size)
      session.put(buffers.carried!, state)
      kept = { session, buffers }
    })
  }

  const update: DeviceEngine<B>['resident']['update'] = (members, batch, fresh, adam, options) =>
    withKept(async (own) => {
      const call = begin()
      try {
        return await updateOnce(own, call, members, batch, fresh, adam, options)
      } finally {
        call.done()
      }
    })

  const updateOnce = async (
    own: Buffers,
    { done, before }: ReturnType<typeof begin>,
    members: readonly MaskSet[],
    batch: B,
    fresh: readonly number[],
    adam: AdamOptions,
    options: StepOptions = {},
  ) => {
    const plan = await prepare(members, batch, options, true, before)
    const { slots, counts, count } = plan
    if (joint?.of !== plan.buffers || joint.own !== own)
      joint = { of: plan.buffers, own, buffers: { ...plan.buffers, ...own, parameters: own.trained! } }
    const { buffers } = joint
    session.put(own.constants!, adamConstants(adam))
    if (stateFeatures > 0) session.put(own.running!, runningLanes(net.groups(batch), fresh))
    const lossFloats = slots.length * lossParts
    const making = session.submit(lossFloats + 1, [
      ...slicesOf(slots.length, plan.slice).map(([from, n]) => (encoder: GPUCommandEncoder, readback: GPUBuffer) => {
        if (from === 0) {
          encoder.clearBuffer(buffers.gradient!)
          encoder.clearBuffer(own.next!)
        }
        encoder.clearBuffer(buffers.parts!)
        session.record(encoder, plan.calls(from, n, true), buffers)
        const [at, size] = [from * lossParts * 4, n * lossParts * 4]
        encoder.copyBufferToBuffer(buffers.losses!, 0, readback, at, size)
      }),
      (encoder, readback) => {
        session.record(encoder, finish.calls, buffers)
        encoder.copyBufferToBuffer(own.norm!, 0, readback, lossFloats * 4, 4)
        encoder.copyBufferToBuffer(own.next!, 0, own.carried!, 0, own.carried!.size)
      },
    ])
    done()
    const made = await making
    const losses = new Float64Array(members.length * lossParts)
    addLosses(losses, made, slots)
    return { losses, count, counts, norm: made[lossFloats]! }
  }

  const download = (weights: Weights, state: Float32Array): Promise<void> =>
    withKept(async ({ trained: all, carried }) => {
      const { parameters, first, second, average } = weights
      const made = await session.submit(4 * layout.size + state.length, [
        (encoder, readback) => {
          encoder.copyBufferToBuffer(all!, 0, readback, 0, 16 * layout.size)
          if (state.length > 0) encoder.copyBufferToBuffer(carried!, 0, readback, 16 * layout.size, 4 * state.length)
        },
      ])
      for (const [i, to] of [parameters, first, second, average, state].entries())
        to.set(made.subarray(i * layout.size, i * layout.size + to.length))
    })

  return {
    get name() {
      return `webgpu (${session.open.adapter.name})`
    },
    get counters() {
      return session.counters
    },
    run: (parameters, members, batch, state, gradient, options = {}) =>
      run(parameters, members, batch, state, { gradient }, options),
    async read(parameters, member, batch, state, buffer) {
      const size = net.slotSizes(net.steps(batch), false)[buffer]!
      const to = new Float32Array(net.groups(batch) * size)
      await run(parameters, [member], batch, state, { gradient: null, read: { buffer, to } }, {})
      return to
    },
    resident: { upload: uploadWeights, update, download, send },
    close: () => session.close(),
  }
}

/** [first, number] of every slice. */
const slicesOf = (slots: number, slice: number): [number, number][] =>
  Array.from({ length: Math.ceil(slots / slice) }, (_, i) => [i * slice, Math.min(slice, slots - i * slice)])

/** A slice's slots in parts of one member each, at most `longest` long: [first, end). */
function partition(slots: readonly (readonly [number, number])[], longest: number): [number, number][] {
  const parts: [number, number][] = []
  for (const [s, [, member]] of slots.entries()) {
    const last = parts.at(-1)
    if (last && slots[last[0]]![1] === member && s - last[0] < longest) last[1] = s + 1
    else parts.push([s, s + 1])
  }
  return parts
}

/** [groups, 16 lanes]: 0 in lanes whose state starts anew, else 1. */
function runningLanes(groups: number, fresh: readonly number[]): Float32Array {
  const running = new Float32Array(groups * LANES).fill(1)
  for (const lane of fresh) running[lane] = 0
  return running
}
