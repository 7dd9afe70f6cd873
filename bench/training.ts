/**
 * Speed of the native training engine on the default net, 32 lanes x 150 steps: forward + backward, per ISA and number of threads.
 * Run as `node dist/bench/training.js [seconds per row]`. A lane-step is one step of one lane; 6000 make a second of audio.
 */
import { cpus } from 'node:os'
import { netConfigSchema } from '../src/vocoder/sparse-wavernn/config.ts'
import { STEP_RATE } from '../src/vocoder/sparse-wavernn/frame-parameters.ts'
import { LANES } from '../training/engines/engine.ts'
import { createNativeEngine, nativeIsas } from '../training/engines/native.ts'
import { syntheticBatch, syntheticMasks, syntheticParameters } from '../training/engines/synthetic.ts'
import { macsPerLaneStep } from '../training/tasks/sparse-wavernn/cost.ts'
import { parameterLayout } from '../training/tasks/sparse-wavernn/parameters.ts'

const GROUPS = 2
const STEPS = 150

const seconds = Number(process.argv[2] ?? 5)
const layout = parameterLayout(netConfigSchema.parse({}))
const parameters = syntheticParameters(layout, 1)
const masks = syntheticMasks(layout, 2)
const batch = syntheticBatch(GROUPS, STEPS, 3, false)
const gradient = new Float32Array(layout.size)
const macs = macsPerLaneStep(layout)
console.log(`${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}`)
console.log(
  `hidden ${layout.config.hidden}, ${GROUPS * LANES} lanes x ${STEPS} steps, ${Math.round(macs / 1000)} k MAC a lane-step with backward`,
)
console.log('isa       threads   lane-steps/s   audio s/s   audio s/s a core   GMAC/s a core   CPU GMAC/s')
for (const isa of nativeIsas())
  for (const threads of [1, 2]) {
    process.env.SPARSEWAVE_TRAIN_ISA = isa
    const engine = await createNativeEngine(layout, { threads })
    const state = new Float32Array(GROUPS * layout.config.hidden * LANES)
    const run = () => engine.run(parameters, [masks], batch, state, gradient)
    await run()
    const cpu = process.cpuUsage()
    const start = performance.now()
    let best = Number.POSITIVE_INFINITY
    let runs = 0
    for (; performance.now() - start < seconds * 1000; runs++) {
      const before = performance.now()
      await run()
      best = Math.min(best, (performance.now() - before) / 1000)
    }
    const used = process.cpuUsage(cpu)
    // The best run, since other processes only ever slow it down; CPU time beside it tells how busy the machine was.
    const perRun = GROUPS * LANES * STEPS
    const rate = perRun / best
    const perCpu = (perRun * runs) / ((used.user + used.system) / 1e6)
    const row = [
      rate.toFixed(0),
      (rate / STEP_RATE).toFixed(2),
      (rate / STEP_RATE / threads).toFixed(2),
      ((rate * macs) / threads / 1e9).toFixed(1),
      ((perCpu * macs) / 1e9).toFixed(1),
    ]
    console.log(
      `${isa.padEnd(9)} ${String(threads).padStart(7)} ${row.map((v, i) => v.padStart([14, 11, 18, 15, 12][i]!)).join(' ')}`,
    )
    engine.close()
  }
