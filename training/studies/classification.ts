/** Studies of classifiers differ in their data, net and rates only. */
import path from 'node:path'
import { type Dataset, readMnist } from '../tasks/classification/images.ts'
import { equalCostMlp, type MlpConfig, mlpLayout, mlpMacs } from '../tasks/classification/mlp.ts'
import { trainClassifier } from '../tasks/classification/train.ts'
import type { Study } from './study.ts'

export interface ClassifierStudy
  extends Pick<Study, 'name' | 'title' | 'text' | 'reading' | 'methods' | 'densities' | 'seeds'> {
  readonly net: Omit<MlpConfig, 'density'>
  /** Folder of the data, under the shared one. */
  readonly folder: string
  /** Updates of a net with fixed masks; the budget is what they cost. */
  readonly updates: number
  readonly batch: number
  readonly learningRate: number
  readonly split: 'validation' | 'test'
  read?(folder: string): Dataset
}

export function classifierStudy(s: ClassifierStudy): Study {
  const { net, batch, learningRate, updates, split } = s
  const budget = (density: number) => (updates * batch * mlpMacs(mlpLayout({ ...net, density }))) / 1e9
  return {
    ...s,
    metric: { name: `Error on the ${split} images`, unit: '%', digits: 2 },
    lossName: 'training loss, nats (smoothed)',
    budget,
    settings: { ...net, batch, learningRate, split },
    async open(shared, engine) {
      const data = (s.read ?? readMnist)(path.join(shared, s.folder))
      return {
        async run({ method, density, seed }, { signal, report }) {
          const sparse = { ...net, density }
          const chosen =
            method.net === 'equal-cost'
              ? equalCostMlp(sparse)
              : method.net === 'dense'
                ? { ...sparse, density: 1 }
                : sparse
          const { error, nll, updates, gmacs, curve, telemetry } = await trainClassifier(data, {
            net: chosen,
            masks: method.masks,
            seed,
            gmacs: budget(density),
            batch,
            learningRate,
            split,
            engine,
            points: 20,
            signal,
            report,
          })
          return { value: error, also: { nll, ...telemetry }, updates, gmacs, curve }
        },
        close() {},
      }
    },
  }
}
