import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { beforeAll, expect, test } from 'vitest'
import { loadTfjs, type Tf } from '../../engines/tfjs.ts'
import type { ParameterValues } from '../../net/adam.ts'
import { createBatch } from './batches.ts'
import type { Checkpoint } from './checkpoint.ts'
import { measureNormalization } from './example.ts'
import { forward, losses } from './forward.ts'
import { madeUp, TINY } from './testing.ts'
import { initialCheckpoint, Trainer } from './trainer.ts'

let tf: Tf
beforeAll(async () => {
  tf = (await loadTfjs({ backend: 'cpu' })).tf
})

const ADAM = { rate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, clip: 1, average: 0.5 }
const examples = [madeUp(1, 2), madeUp(2, 4)]
const normalization = measureNormalization(examples)
const batch = createBatch(examples, normalization)

function resumed(checkpoint: Checkpoint, trainer: Trainer): Trainer {
  return new Trainer(tf, { ...checkpoint, ...trainer.state(), update: trainer.update }, { seed: 5, dropout: 0.2 })
}

test('a run that is resumed equals one that was not, dropout included', () => {
  const start = initialCheckpoint(TINY, normalization, 5)
  const whole = new Trainer(tf, start, { seed: 5, dropout: 0.2 })
  const curve = [1, 2, 3].map(() => whole.step(batch, ADAM).losses.total)
  const half = new Trainer(tf, start, { seed: 5, dropout: 0.2 })
  const first = [1].map(() => half.step(batch, ADAM).losses.total)
  const rest = resumed(start, half)
  expect([...first, ...[2, 3].map(() => rest.step(batch, ADAM).losses.total)]).toEqual(curve)
  expect(rest.state()).toEqual(whole.state())
  for (const t of [whole, half, rest]) t.dispose()
})

test('training lowers every part of the loss, and the averaged parameters follow', () => {
  const trainer = new Trainer(tf, initialCheckpoint(TINY, normalization, 1), { seed: 1, dropout: 0 })
  const before = trainer.evaluate(batch)
  for (let i = 0; i < 15; i++) trainer.step(batch, { ...ADAM, rate: 0.03 })
  const after = trainer.evaluate(batch)
  for (const name of ['duration', 'pitch', 'voicing', 'envelope'] as const)
    expect(after[name], name).toBeLessThan(before[name])
  expect(after.total).toBeLessThan(0.7 * before.total)
  trainer.dispose()
})

test('padding changes no prediction', () => {
  const { parameters } = initialCheckpoint(TINY, normalization, 1)
  const run = (members: typeof examples) => {
    const values: Float32Array[] = []
    tf.tidy(() => {
      const b = createBatch(members, normalization)
      const out = forward({ tf, config: TINY, parameter: tensors(parameters) }, b)
      for (const t of [out.lnDurations, out.pitch, out.envelope]) values.push(t.slice(0, 1).dataSync() as Float32Array)
    })
    return values
  }
  const together = run(examples)
  const alone = run(examples.slice(0, 1))
  alone.forEach((values, i) => {
    const padded = together[i]!
    expect(Math.max(...values.map((v, k) => Math.abs(v - padded[k]!)))).toBeLessThan(1e-5)
  })
})

test("the loss's gradient agrees with finite differences", () => {
  const { parameters } = initialCheckpoint(TINY, normalization, 3)
  const total = (values: typeof parameters) =>
    tf.tidy(
      () => losses(tf, batch, forward({ tf, config: TINY, parameter: tensors(values) }, batch)).total.dataSync()[0]!,
    )
  // The first update of Adam moves every parameter against the sign of its gradient; a step along the gradient itself,
  // taken from the first moments, must change the loss by its squared norm.
  const trainer = new Trainer(tf, initialCheckpoint(TINY, normalization, 3), { seed: 3, dropout: 0 })
  trainer.step(batch, { ...ADAM, clip: Number.POSITIVE_INFINITY })
  const { first } = trainer.state()
  let square = 0
  for (const m of Object.values(first)) for (const v of m) square += (v / (1 - ADAM.beta1)) ** 2
  // Small, since the losses have kinks where an error is 0.
  const h = 5e-5 / Math.sqrt(square)
  const moved = (sign: number) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, w]) => [
        name,
        w.map((v, i) => v + (sign * h * first[name]![i]!) / (1 - ADAM.beta1)),
      ]),
    )
  const slope = (total(moved(1)) - total(moved(-1))) / (2 * h)
  expect(slope / square).toBeGreaterThan(0.99)
  expect(slope / square).toBeLessThan(1.01)
  trainer.dispose()
})

test('a batch that is not finite leaves the parameters as they were', () => {
  const trainer = new Trainer(tf, initialCheckpoint(TINY, normalization, 1), { seed: 1, dropout: 0 })
  const before = trainer.state()
  const { norm } = trainer.step({ ...batch, envelope: batch.envelope.map(() => Number.NaN) }, ADAM)
  expect(norm).toBeNaN()
  expect(trainer.state()).toEqual(before)
  expect(trainer.update).toBe(0)
  trainer.dispose()
})

function tensors(values: ParameterValues) {
  const shapes = new Map(parametersOf(TINY).map((p) => [p.name, [...p.shape]]))
  return (name: string) => tf.tensor(values[name]!, shapes.get(name)!)
}
