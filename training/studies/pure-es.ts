/** Pure ES on MNIST and CIFAR-10: a net learned from losses alone, against its gradient. */
import path from 'node:path'
import { z } from 'zod'
import { pureEsOptions } from '../es/index.ts'
import { type Dataset, readCifar10, readMnist } from '../tasks/classification/images.ts'
import { NORMALIZATIONS, type Normalization } from '../tasks/classification/normalize.ts'
import { type Learner, trainWithoutGradients } from '../tasks/classification/pure-es.ts'
import type { LoggedRun } from './log.ts'
import type { Study, StudyMethod } from './study.ts'

const HIDDEN = 32
const BATCH = 64
const es = (label: string, note: string, options: Record<string, unknown> & { method: string }): StudyMethod => ({
  label,
  masks: { pairs: 32, ...options },
  note,
})

const OPENAI = { method: 'openai-es', rate: 0.01, sigma: 0.03 }
const GENTLE = { rate: 0.005, sigma: 0.02 }
const NORMALIZED_OPENAI = { ...OPENAI, rate: 0.02 }
const NORMALIZED_ADAM: StudyMethod = {
  label: 'adam, batch norm',
  masks: { method: 'adam', rate: 0.003, normalization: 'batch' },
  note: 'the gradient, hidden units normalised over the batch',
}
const NORMALIZED: readonly StudyMethod[] = [
  es('openai-es, batch norm', 'each member normalised by its own statistics on the batch', {
    ...NORMALIZED_OPENAI,
    normalization: 'batch',
  }),
  es('openai-es, norm of the mean', "all members normalised by the mean vector's statistics on the batch", {
    ...NORMALIZED_OPENAI,
    normalization: 'centre',
  }),
  es('openai-es, virtual batch norm', 'each member normalised by its own statistics on 64 images that never change', {
    ...NORMALIZED_OPENAI,
    normalization: 'virtual',
  }),
]

const normalizations = z.enum(NORMALIZATIONS).optional()

/** Throws a ZodError for options that the strategies do not take. */
function learnerOf({ masks: { method, normalization, ...options } }: StudyMethod): {
  learner: Learner
  normalization: Normalization | undefined
} {
  const learner: Learner =
    method === 'adam'
      ? { adam: { rate: Number(options.rate) } }
      : { es: pureEsOptions.parse({ strategy: method, ...options }) }
  return { learner, normalization: normalizations.parse(normalization) }
}

/** What is kept of a crossing, by the name it has in a run's line. */
const crossing = (target: number, what: string) => `to ${target} %: ${what}`
const COUNTED = ['updates', 'evaluations', 'gmacs', 'seconds'] as const

interface PureEsStudy extends Pick<Study, 'name' | 'title' | 'text' | 'reading' | 'methods'> {
  readonly inputs: number
  /** Folder of the data, under the shared one. */
  readonly folder: string
  read(folder: string): Dataset
  /** Errors, percent, whose crossings are told. */
  readonly targets: readonly number[]
  readonly gmacs: number
}

function pureEsStudy(s: PureEsStudy): Study {
  const { inputs, targets, gmacs: budget } = s
  return {
    ...s,
    metric: { name: 'Error on the test images', unit: '%', digits: 2 },
    lossName: 'error on 2,000 held-out images, %',
    densities: [1],
    seeds: [1, 2, 3],
    budget: () => budget,
    settings: { hidden: HIDDEN, batch: BATCH, targets },
    async open(shared) {
      const data = s.read(path.join(shared, s.folder))
      return {
        async run({ method, seed }, { signal, report }) {
          const { error, nll, updates, evaluations, gmacs, curve, reached } = await trainWithoutGradients(data, {
            net: { inputs, hidden: [HIDDEN], density: 1 },
            ...learnerOf(method),
            seed,
            gmacs: budget,
            batch: BATCH,
            split: 'test',
            points: 50,
            targets,
            signal,
            report,
          })
          const crossings = reached.flatMap((r) => COUNTED.map((what) => [crossing(r.error, what), r[what]] as const))
          return { value: error, also: { nll, evaluations, ...Object.fromEntries(crossings) }, updates, gmacs, curve }
        },
        close() {},
      }
    },
    check: learnerOf,
    more: (runs) => [
      '## On the way',
      '',
      'Means over the seeds that reached an error on the held-out images, which were looked at 50 times a run. Seconds are the median of wall time, without the looking.',
      '',
      '| error | method | seeds | updates | images forward | GMAC | s |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...targets.flatMap((target) => s.methods.map(({ label }) => crossingRow(target, label, runs))),
      '',
    ],
  }
}

export const pureEs = pureEsStudy({
  name: 'pure-es',
  title: 'Pure ES on MNIST: losses alone against the gradient',
  text: [
    `A multi-layer perceptron 784-${HIDDEN}-10, dense, trains on 50,000 images and is measured once, at the end, on the 10,000 test images. All methods begin with the same weights and see the same batches of ${BATCH}. All members of a generation (64, in mirrored pairs) see one batch. Rates fall as a cosine to 5 %.`,
    "Rates and deviations of the strategies were chosen among five settings at seed 1 on validation images. Those of the normalised ones were chosen with members' own statistics.",
    'Equal compute counts products. A generation runs its members forward. An update of the gradient runs forward and backward once. Drawing and adding the perturbations is not counted, so seconds are given too. `semi-updates`: four workers, each with its own quarter of the population and its own state. Their means are averaged after every generation.',
    'Batch normalisation normalises the hidden units before their ReLU, in three variants (`training/tasks/classification/normalize.ts`). Whatever members are normalised by, the net is measured with its statistics on 2,000 training images.',
    'This is a small study: one net, and populations far below the hundreds to thousands of workers of the papers.',
  ],
  reading: [
    "Losses alone are dear. For the same 20 GMAC Adam makes 6044 updates and ends at 3.09 ± 0.25 % error. The best strategy, OpenAI's, makes 191 generations of 64 members and ends at 24.44 ± 0.55 %. No strategy reaches 10 %. To 30 % Adam needs at most 0.40 GMAC (its first look) and 0.3 s, OpenAI's 10.2 GMAC and 12.6 s. That is at least 25 times the products and some 40 times the time, since drawing and adding 25,000 Gaussians a pair is not free. The seconds were taken beside other work, so they are orders of magnitude.",
    "Semi-updates do not help at this size. OpenAI's strategy loses 4.67 ± 1.05 points by them, as each worker ranks 16 members only. SNES loses 0.50 ± 0.78, which shows nothing. SNES is faster to 50 % (22 generations against 35) and worse at the end (by 2.71 ± 0.13). Semi-updates were proposed to save traffic among hundreds of workers. That was not tried.",
    "Batch normalisation helps the strategy more than the gradient. OpenAI's ends 2.79 ± 0.28 points lower when each member is normalised by its own statistics. It reaches 30 % after 71 generations instead of 97. Its rate is twice as high, the best of five for it, and the plain strategy's was chosen the same way. Statistics of the mean vector, the same for all members, gain 0.64 ± 0.43 points, which three seeds do not show. A virtual batch costs another pass forward a member, so half the generations, and ends 7.63 ± 1.24 points above no normalisation. Its 64 images never change and say little of the batch. Adam gains nothing that three seeds show.",
  ],
  methods: [
    { label: 'adam', masks: { method: 'adam', rate: 0.003 }, note: 'the gradient' },
    es('openai-es', 'fixed deviation, Adam', OPENAI),
    es('openai-es, semi-updates', 'the same, four workers', { ...OPENAI, workers: 4 }),
    NORMALIZED_ADAM,
    ...NORMALIZED,
    es('snes', 'one learned deviation a parameter', { method: 'snes', rate: 2, sigma: 0.05 }),
    es('snes, semi-updates', 'the same, four workers', { method: 'snes', rate: 2, sigma: 0.05, workers: 4 }),
  ],
  inputs: 784,
  folder: 'data/mnist',
  read: readMnist,
  targets: [50, 40, 35, 30, 10, 5],
  // Some 190 generations of 64 members.
  gmacs: 20,
})

export const pureEsCifar10 = pureEsStudy({
  name: 'pure-es-cifar10',
  title: 'Pure ES on CIFAR-10: losses alone against the gradient',
  text: [
    `The methods of [pure-es](pure-es.md), on a perceptron 3072-${HIDDEN}-10 and 40,000 training images. There are half as many generations, each four times as dear. Rates and deviations were chosen among four settings a strategy, at seed 1, on validation images.`,
    'A perceptron sees no neighbourhoods, and this one is small. The study is about ways to train it. The images are the JPEG copies that [cifar10](cifar10.md) describes.',
  ],
  reading: [
    "With four times the parameters, half the generations and 40 GMAC, Adam ends at 52.39 ± 0.20 % error and the strategies near 80 %. Chance is 90. Batch normalisation helps OpenAI's strategy again, by 3.73 ± 0.33 points. It does not help Adam, which is quicker by it (60 % after 337 updates instead of 673) and ends 0.73 ± 0.22 points higher. Semi-updates cost 1.55 ± 0.73 points. SNES and OpenAI's strategy are level.",
  ],
  methods: [
    { label: 'adam', masks: { method: 'adam', rate: 0.001 }, note: 'the gradient' },
    { ...NORMALIZED_ADAM, masks: { ...NORMALIZED_ADAM.masks, rate: 0.001 } },
    es('openai-es', 'fixed deviation, Adam', { ...OPENAI, ...GENTLE }),
    es('openai-es, semi-updates', 'the same, four workers', { ...OPENAI, ...GENTLE, workers: 4 }),
    es('openai-es, batch norm', 'each member normalised by its own statistics on the batch', {
      ...OPENAI,
      sigma: 0.02,
      normalization: 'batch',
    }),
    es('snes', 'one learned deviation a parameter', { method: 'snes', rate: 1, sigma: 0.02 }),
  ],
  inputs: 3072,
  folder: 'data/cifar10',
  read: readCifar10,
  targets: [85, 80, 75, 70, 60, 55],
  // Some 100 generations of 64 members.
  gmacs: 40,
})

function crossingRow(target: number, label: string, runs: readonly LoggedRun[]): string {
  const own = runs.filter((r) => r.method === label)
  const there = own.filter((r) => r.also[crossing(target, 'updates')] !== undefined)
  const of = (what: string) => there.map((r) => r.also[crossing(target, what)]!)
  const mean = (what: string) => of(what).reduce((sum, v) => sum + v, 0) / there.length
  // Wall time counts pauses of the machine, which a mean would take in.
  const median = (what: string) => of(what).sort((a, b) => a - b)[there.length >> 1]!
  const figures = COUNTED.map((what) => {
    if (there.length === 0) return '-'
    return what === 'seconds' ? median(what).toFixed(1) : mean(what).toFixed(what === 'gmacs' ? 2 : 0)
  })
  return `| ${target} % | ${label} | ${there.length} of ${own.length} | ${figures.join(' | ')} |`
}
