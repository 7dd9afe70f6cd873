/**
 * How well pulses placed by `alignPulses` and filtered by the envelopes match recordings: correlation of the pulse part of
 * source-filter synthesis with the recording in voiced frames, below 1 and 3 kHz.
 *
 *     node bench/dist/pulse-alignment.js CORPUS [ids...]
 *
 * Without ids: the utterances in CORPUS/reference.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { alignPulses, analyze } from 'sparsewave/internal/analysis/index'
import { type Frames, HOP } from 'sparsewave/internal/frames'
import { pulseSignal } from 'sparsewave/internal/vocoder/source-filter/pulse-signal'
import { readOpus } from 'sparsewave-training/internal/data/opus'

const [corpus, ...chosen] = process.argv.slice(2)
if (!corpus) {
  console.error('usage: pulse-alignment CORPUS [ids...]')
  process.exit(2)
}
const ids =
  chosen.length > 0
    ? chosen
    : readdirSync(join(corpus, 'reference'))
        .filter((f) => f.endsWith('.f0.f32'))
        .map((f) => f.split('.')[0]!)

function lowPass(x: Float32Array, hz: number): Float32Array {
  const half = 48
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, k) => {
    const t = (2 * Math.PI * hz * (k - half)) / 24000
    return (t === 0 ? 1 : Math.sin(t) / t) * (0.5 + 0.5 * Math.cos((Math.PI * (k - half)) / (half + 1))) * (hz / 12000)
  })
  return x.map((_, n) => {
    let sum = 0
    for (let k = -half; k <= half; k++) sum += taps[k + half]! * (x[n + k] ?? 0)
    return sum
  })
}

/** Sums xy, xx, yy over the voiced frames. */
function products(x: Float32Array, y: Float32Array, frames: Frames): [number, number, number] {
  let xy = 0
  let xx = 0
  let yy = 0
  for (let i = 0; i < frames.count; i++) {
    if (frames.f0[i] === 0) continue
    for (let n = Math.max(0, i * HOP - HOP / 2); n < Math.min(x.length, i * HOP + HOP / 2); n++) {
      xy += x[n]! * y[n]!
      xx += x[n]! * x[n]!
      yy += y[n]! * y[n]!
    }
  }
  return [xy, xx, yy]
}

let spent = 0
let frameTotal = 0
const totals = new Map([1000, 3000].map((hz) => [hz, [0, 0, 0]]))
const drifts: number[] = []
for (const id of ids) {
  const samples = await readOpus(join(corpus, 'audio', `${id}.opus`))
  const frames = analyze(samples)
  const start = performance.now()
  const phase = alignPulses(samples, frames)
  spent += performance.now() - start
  frameTotal += frames.count
  for (let t = 1; t < phase.length; t++) {
    const f0 = frames.f0[Math.floor(t / 30)]!
    if (f0 === 0 || frames.f0[Math.floor((t - 1) / 30)] === 0) continue
    const step = phase[t]! - phase[t - 1]!
    drifts.push(Math.abs((step - Math.round(step - f0 / 6000)) / (f0 / 6000) - 1))
  }
  const signal = pulseSignal(frames, phase)
  const each: string[] = []
  for (const [hz, sums] of totals) {
    const now = products(lowPass(samples, hz), lowPass(signal, hz), frames)
    for (let k = 0; k < 3; k++) sums[k]! += now[k]!
    each.push(`${(now[0] / Math.sqrt(now[1] * now[2])).toFixed(3)} below ${hz} Hz`)
  }
  console.log(id, each.join(', '))
}
for (const [hz, [xy, xx, yy]] of totals) console.log(`all below ${hz} Hz: ${(xy! / Math.sqrt(xx! * yy!)).toFixed(3)}`)
drifts.sort((a, b) => a - b)
const at = (q: number): string => `${(100 * drifts[Math.floor(q * (drifts.length - 1))]!).toFixed(2)} %`
console.log(`drift of the phase against F0: median ${at(0.5)}, 95th ${at(0.95)}, 99th ${at(0.99)}, largest ${at(1)}`)
console.log(`${((1000 * spent) / frameTotal).toFixed(1)} microseconds a frame`)
