/**
 * A multi-layer perceptron with block-sparse hidden layers: ReLU units, a dense softmax over 10 classes. One task for every
 * engine that takes `NetTask`s.
 */
import { Random } from 'sparsewave/internal/random'
import { keptColumns } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { Net, NetTask } from '../../engines/net.ts'
import { LANES } from '../../net/engine.ts'
import { BLOCK_ROWS, type Layout, layOut } from '../../net/layout.ts'
import type { MaskSet } from '../../net/mask.ts'
import { CLASSES } from './images.ts'
import { normalize, normalizeBackward, type Statistics, scaleAndShift, statisticsOf } from './normalize.ts'

export interface MlpConfig {
  /** Values of one image, a multiple of 16. */
  readonly inputs: number
  /** Units of the hidden layers, multiples of 16. */
  readonly hidden: readonly number[]
  /** Share of kept blocks in every hidden layer. */
  readonly density: number
  /** Batch normalisation between a hidden layer's matrix and its ReLU: adds `hidden.i.scale`; the bias is the shift. */
  readonly normalized?: boolean
}

/** Statistics of the hidden layers: those a task goes by, and those it went by. */
export interface MlpStatistics {
  /** Undefined: the batch's own. */
  given?: readonly Statistics[] | undefined
  used?: readonly Statistics[]
}

export interface LabelledBatch {
  /** [groups, inputs, 16]. */
  readonly x: Float32Array
  /** [groups, 16]. */
  readonly labels: Uint8Array
}

const OUTPUT_ROWS = Math.ceil(CLASSES / BLOCK_ROWS) * BLOCK_ROWS

/** Segments `hidden.i.weight`, `hidden.i.bias`, with normalisation `hidden.i.scale`; `output.weight`, `output.bias`. */
export function mlpLayout({ inputs, hidden, density, normalized }: MlpConfig): Layout {
  const plans = hidden.flatMap((rows, i) => {
    const columns = i === 0 ? inputs : hidden[i - 1]!
    const kept = keptColumns(density, columns)
    return [
      { name: `hidden.${i}.weight`, rows, columns, fanIn: kept, kept },
      { name: `hidden.${i}.bias`, rows: 1, columns: rows, fanIn: 0 },
      ...(normalized ? [{ name: scaleOf(i), rows: 1, columns: rows, fanIn: 0 }] : []),
    ]
  })
  const last = hidden.at(-1)!
  return layOut([
    ...plans,
    { name: 'output.weight', rows: OUTPUT_ROWS, columns: last, fanIn: last },
    { name: 'output.bias', rows: 1, columns: OUTPUT_ROWS, fanIn: 0 },
  ])
}

const scaleOf = (layer: number): string => `hidden.${layer}.scale`

/** Uniform weights of variance 2 / fan-in (He et al. 2015), biases 0, scales 1; `dense`: scaled for all columns. */
export function initialMlp(layout: Layout, seed: number, dense = false): Float32Array {
  const out = new Float32Array(layout.size)
  for (const [i, s] of layout.segments.entries()) {
    if (s.name.endsWith('.scale')) out.fill(1, s.offset, s.offset + s.size)
    if (s.fanIn === 0) continue
    const random = new Random(seed, 1000 + i)
    const scale = Math.sqrt(6 / (dense ? s.columns : s.fanIn))
    for (let k = 0; k < s.size; k++) out[s.offset + k] = (2 * random.uniform() - 1) * scale
  }
  return out
}

/**
 * Multiply-accumulates of one example, forward and backward (`forwardOnly`: without), with the masks of one member (default: what the
 * layout keeps). `denseGradient`: weight gradients of the masked matrices in all blocks.
 */
export function mlpMacs(layout: Layout, masks?: MaskSet, denseGradient = false, forwardOnly = false): number {
  let macs = 0
  for (const { name, rows, columns, kept, fanIn } of layout.segments) {
    if (fanIn === 0) continue
    const used = kept === undefined ? rows * columns : masks ? masks.get(name)!.length * BLOCK_ROWS : rows * kept
    if (forwardOnly) macs += used
    // The image needs no gradient.
    else
      macs +=
        (name === 'hidden.0.weight' ? 1 : 2) * used + (denseGradient && kept !== undefined ? rows * columns : used)
  }
  return macs
}

/**
 * The dense net whose training costs as much: all hidden layers narrower by one factor, the first a multiple of 16 and the rest
 * its share, so that the cost comes nearest.
 */
export function equalCostMlp(config: MlpConfig): MlpConfig {
  const wanted = mlpMacs(mlpLayout(config))
  let best: { net: MlpConfig; distance: number } | undefined
  for (let first = BLOCK_ROWS; first <= config.hidden[0]!; first += BLOCK_ROWS) {
    const hidden = config.hidden.map(
      (h) => Math.max(1, Math.round((h * first) / config.hidden[0]! / BLOCK_ROWS)) * BLOCK_ROWS,
    )
    const net = { ...config, hidden, density: 1 }
    const distance = Math.abs(mlpMacs(mlpLayout(net)) - wanted)
    if (!best || distance < best.distance) best = { net, distance }
  }
  return best!.net
}

/**
 * Losses [negative log-likelihood in nats, errors], each summed over the examples. `statistics`: of a normalised net; every evaluation looks at
 * what is given there, and leaves what it used.
 */
export function mlpTask(config: MlpConfig, statistics: MlpStatistics = {}): NetTask<LabelledBatch> {
  const { inputs, hidden, normalized } = config
  return {
    layout: mlpLayout(config),
    parts: 2,
    groups: ({ labels }) => labels.length / LANES,
    evaluate(net, batch, from, groups) {
      const x = batch.x.subarray(from * inputs * LANES, (from + groups) * inputs * LANES)
      const labels = batch.labels.subarray(from * LANES, (from + groups) * LANES)
      const active: Float32Array[] = [x]
      const normal: Float32Array[] = []
      const used: Statistics[] = []
      for (const i of hidden.keys()) {
        let y = layer(net, `hidden.${i}`, active[i]!, groups, !normalized)
        if (normalized) {
          used.push(statistics.given?.[i] ?? statisticsOf(y, hidden[i]!))
          normalize(y, used[i]!)
          normal.push(y)
          y = scaleAndShift(y, net.values(scaleOf(i)), net.values(`hidden.${i}.bias`))
        }
        for (let k = 0; k < y.length; k++) y[k] = Math.max(0, y[k]!)
        active.push(y)
      }
      statistics.used = used
      const logits = layer(net, 'output', active.at(-1)!, groups)
      const losses = softmaxLoss(logits, labels)
      if (net.wantsGradient) {
        // The logits are now their own gradient.
        let dy = logits
        for (let i = hidden.length; i >= 0; i--) {
          const name = i === hidden.length ? 'output' : `hidden.${i}`
          const below = active[i]!
          const bias = net.gradient(`${name}.bias`)!
          if (normalized && i < hidden.length) {
            const scale = net.gradient(scaleOf(i))!
            const own = statistics.given === undefined
            normalizeBackward(dy, normal[i]!, net.values(scaleOf(i)), used[i]!, own, { scale, shift: bias })
          } else addBias(bias, dy)
          net.matrix(`${name}.weight`).accumulate(below, dy)
          if (i === 0) break
          const dx = new Float32Array(below.length)
          net.matrix(`${name}.weight`).backward(dx, dy)
          // Without a branch: units are on or off at random.
          for (let k = 0; k < dx.length; k++) dx[k]! *= Math.ceil(Math.min(1, below[k]!))
          dy = dx
        }
      }
      return { losses, count: groups * LANES }
    },
  }
}

/** W x + b, or without `biased` W x: [groups, rows, 16]. */
function layer(net: Net, name: string, x: Float32Array, groups: number, biased = true): Float32Array {
  const matrix = net.matrix(`${name}.weight`)
  const bias = net.values(`${name}.bias`)
  const y = new Float32Array(groups * matrix.rows * LANES)
  for (let g = 0, at = 0; biased && g < groups; g++)
    for (let r = 0; r < matrix.rows; r++, at += LANES) y.fill(bias[r]!, at, at + LANES)
  matrix.forward(x, y)
  return y
}

function addBias(gradient: Float32Array, dy: Float32Array): void {
  const rows = gradient.length
  for (let at = 0, r = 0; at < dy.length; at += LANES, r = (r + 1) % rows) {
    let sum = 0
    for (let l = at; l < at + LANES; l++) sum += dy[l]!
    gradient[r]! += sum
  }
}

/** Sums of the loss and of errors; replaces the logits [groups, 16 rows, 16] by the loss's gradient. */
function softmaxLoss(logits: Float32Array, labels: Uint8Array): [number, number] {
  let nats = 0
  let errors = 0
  const p = new Float64Array(CLASSES)
  for (let e = 0; e < labels.length; e++) {
    const at = Math.floor(e / LANES) * OUTPUT_ROWS * LANES + (e % LANES)
    const label = labels[e]!
    let best = 0
    for (let c = 1; c < CLASSES; c++) if (logits[at + c * LANES]! > logits[at + best * LANES]!) best = c
    const top = logits[at + best * LANES]!
    let sum = 0
    for (let c = 0; c < CLASSES; c++) {
      p[c] = Math.exp(logits[at + c * LANES]! - top)
      sum += p[c]!
    }
    nats += Math.log(sum) - (logits[at + label * LANES]! - top)
    if (best !== label) errors++
    for (let c = 0; c < CLASSES; c++) logits[at + c * LANES] = p[c]! / sum - (c === label ? 1 : 0)
    for (let c = CLASSES; c < OUTPUT_ROWS; c++) logits[at + c * LANES] = 0
  }
  return [nats, errors]
}
