/**
 * What ranks cost against threads and worker processes: wall time of one update with Adam on two groups of 16 lanes a rank, in turn, so
 * that all meet the same weather, the least of many. Then what an update's exchange is made of. Bytes are those that all ranks send.
 *
 *     mpirun -np 2 --bind-to none node bench/dist/ranks.js [rounds] [groups] [steps] [only]
 *     scripts/two-hosts.sh --rate 1gbit 1 node bench/dist/ranks.js 0       # the exchange alone, over a network
 */
import { detectCpu } from 'sparsewave/internal/kernels/index'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { createNativeEngine } from 'sparsewave-training/internal/engines/native'
import { createParallelEngine } from 'sparsewave-training/internal/engines/parallel'
import { syntheticBatch, syntheticMasks, syntheticParameters } from 'sparsewave-training/internal/engines/synthetic'
import { adamUpdate } from 'sparsewave-training/internal/net/adam'
import { nativeIsas } from 'sparsewave-training/internal/net/addon'
import { type Batch, type Engine, LANES } from 'sparsewave-training/internal/net/engine'
import type { Ranks } from 'sparsewave-training/internal/net/ranks'
import { parameterLayout } from 'sparsewave-training/internal/net/vocoder-layout'
import { createRanksEngine } from 'sparsewave-training/internal/ranks/engine'
import { withRanks } from 'sparsewave-training/internal/ranks/index'
import { createPackings } from 'sparsewave-training/internal/ranks/pack'
import { median } from './measure.ts'

const [rounds = 50, groups = 2, steps = 150] = process.argv.slice(2, 5).map(Number)
/** Only the case of that name beside the ranks, such as `threads`, for more rounds in the same time. */
const only = process.argv[5] ?? ''
const layout = parameterLayout(netConfigSchema.parse({}))
const members = [syntheticMasks(layout, 1)]
const whole = syntheticBatch(groups, steps, 3, false)

/** Groups [from, to) of the batch. */
function partOf(from: number, to: number): Batch {
  const cut = (data: Float32Array) => data.slice((data.length / groups) * from, (data.length / groups) * to)
  const { examples, frames, weights } = whole
  return { groups: to - from, steps, examples: cut(examples), frames: cut(frames), weights: cut(weights) }
}

/** One update; gives milliseconds of wall time, and of this process's CPU time. */
function createUpdate(engine: Engine, batch: Batch): () => Promise<[number, number]> {
  const parameters = syntheticParameters(layout, 2)
  const [gradient, first, second, average] = [0, 1, 2, 3].map(() => new Float32Array(layout.size))
  const state = new Float32Array(batch.groups * layout.config.hidden * LANES)
  let step = 0
  return async () => {
    const before = performance.now()
    const usedBefore = process.cpuUsage()
    await engine.run(parameters, members, batch, state, gradient!)
    const adam = { rate: 1e-4, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 1, average: 0.999, step: ++step }
    adamUpdate(parameters, gradient!, first!, second!, average!, adam)
    const { user, system } = process.cpuUsage(usedBefore)
    return [performance.now() - before, (user + system) / 1000]
  }
}

async function measure(ranks: Ranks): Promise<void> {
  const { leads, size } = ranks
  const together = await createRanksEngine('native', layout, groups, ranks, { threads: 1 })
  const all = createUpdate(together, partOf(...together.groupsOf(groups, ranks.rank)))
  const alone = leads
    ? {
        'one thread': createUpdate(await createNativeEngine(layout, { threads: 1 }), whole),
        [`${size} threads`]: createUpdate(await createNativeEngine(layout, { threads: size }), whole),
        [`${size} workers`]: createUpdate(await createParallelEngine('native', layout, { workers: size }), whole),
      }
    : {}
  const times = new Map<string, number[]>([...Object.keys(alone), `${size} ranks`].map((name) => [name, []]))
  const costs = new Map<string, number[]>([...times.keys()].map((name) => [name, []]))
  const note = (name: string, wall: number, cpu: number) => {
    times.get(name)!.push(wall)
    costs.get(name)!.push(cpu)
  }
  const eight = Array.from({ length: size }, () => 8)
  const sumOf = async (own: number) => {
    const all = await ranks.gather(new Uint8Array(Float64Array.of(own).buffer), eight)
    return new Float64Array(all.buffer).reduce((a, b) => a + b, 0)
  }
  const meet = () => ranks.agree({ stop: false, save: false })
  for (let round = 0; round < rounds; round++) {
    for (const [name, update] of Object.entries(alone).filter(([n]) => n.includes(only)))
      note(name, ...(await update()))
    await meet()
    const [wall, cpu] = await all()
    note(`${size} ranks`, wall, await sumOf(cpu))
  }
  const pieces = await measurePieces(ranks)
  const before = ranks.sent
  await all()
  const bytes = await sumOf(ranks.sent - before)
  if (!leads) return
  const base = costs.get(`${size} threads`)!
  // Their CPU time is not this process's.
  const workers = (name: string) => name.endsWith('workers')
  console.log(`${detectCpu().model}, ${nativeIsas()[0]}: ${groups * LANES} lanes x ${steps} steps, ${rounds} rounds`)
  if (rounds > 0)
    console.log(
      '| | ms an update, least | median | CPU ms, all processes, median | against threads |\n| --- | --- | --- | --- | --- |',
    )
  for (const [name, v] of times) {
    if (v.length === 0) continue
    console.log(
      `| ${name} | ${least(v).toFixed(1)} | ${median(v).toFixed(1)} | ${workers(name) ? ' | ' : `${median(costs.get(name)!).toFixed(1)} | ${(median(costs.get(name)!) / median(base)).toFixed(2)}`} |`,
    )
  }
  console.log(`bytes an update, all ranks: ${bytes.toLocaleString('en')}`)
  console.log('| of an update | ms, least | median |\n| --- | --- | --- |')
  for (const [name, v] of pieces) console.log(`| ${name} | ${least(v).toFixed(3)} | ${median(v).toFixed(3)} |`)
}

const least = (v: readonly number[]) => Math.min(...v)

/** What ranks do beside computing, piece by piece. */
async function measurePieces(ranks: Ranks): Promise<Map<string, number[]>> {
  const packing = createPackings(layout)(members, false)
  const flat = new Float32Array(layout.size).fill(1)
  const leaf = new Float32Array(packing.length)
  const [gradient, first, second, average] = [0, 1, 2, 3].map(() => new Float32Array(layout.size))
  const adam = { rate: 1e-4, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 1, average: 0.999, step: 1 }
  const told = Array.from({ length: ranks.size }, () => 40)
  const edges = Array.from({ length: ranks.size + 1 }, (_, r) => r)
  const pieces: Record<string, () => unknown> = {
    pack: () => packing.pack(flat, 2400, leaf),
    'exchange of losses': () => ranks.gather(new Uint8Array(40), told),
    'sum of the gradient': () => ranks.sum([leaf], packing.length, edges, ranks.size),
    unpack: () => packing.unpack(leaf, 0.5, flat),
    Adam: () => adamUpdate(flat, gradient!, first!, second!, average!, adam),
  }
  const times = new Map<string, number[]>(Object.keys(pieces).map((name) => [name, []]))
  for (let round = 0; round < 300; round++) {
    for (const [name, piece] of Object.entries(pieces)) {
      await ranks.agree({ stop: false, save: false })
      const before = performance.now()
      await piece()
      times.get(name)!.push(performance.now() - before)
    }
  }
  return times
}

await withRanks(async (ranks) => {
  if (!ranks) throw new Error('start this with mpirun')
  await measure(ranks)
})
// Worker processes end with this one.
process.exit()
