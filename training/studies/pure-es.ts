/** Pure ES on MNIST: a net learned from losses alone, against its gradient. */
import path from 'node:path'
import { pureEsOptions } from '../es/index.ts'
import { readMnist } from '../tasks/classification/images.ts'
import { type Learner, trainWithoutGradients } from '../tasks/classification/pure-es.ts'
import type { LoggedRun } from './log.ts'
import type { Study, StudyMethod } from './study.ts'

const HIDDEN = 32
const BATCH = 64
const TARGETS = [50, 40, 35, 30, 10, 5]
/** Enough for some 190 generations of 64 members. */
const GMACS = 20
const es = (label: string, note: string, options: Record<string, unknown> & { method: string }): StudyMethod => ({
  label,
  masks: { pairs: 32, ...options },
  note,
})

/** Throws a ZodError for options that the strategies do not take. */
function learnerOf({ masks: { method, ...options } }: StudyMethod): Learner {
  if (method === 'adam') return { adam: { rate: Number(options.rate) } }
  return { es: pureEsOptions.parse({ strategy: method, ...options }) }
}

/** What is kept of a crossing, by the name it has in a run's line. */
const crossing = (target: number, what: string) => `to ${target} %: ${what}`
const COUNTED = ['updates', 'evaluations', 'gmacs', 'seconds'] as const

export const pureEs: Study = {
  name: 'pure-es',
  title: 'Pure ES on MNIST: losses alone against the gradient',
  text: [
    `A multi-layer perceptron 784-${HIDDEN}-10, dense, trained on 50,000 images and measured once at the end on the 10,000 test images. All methods begin with the same weights and see the same batches of ${BATCH}; all members of a generation (64, in mirrored pairs) see one batch. Rates fall as a cosine to 5 %. Rates and deviations of the strategies were chosen among five settings at seed 1 on validation images.`,
    'Equal compute is that of products: a generation runs its members forward, an update of the gradient runs forward and backward once. Drawing and adding the perturbations is not in it, which is why seconds are given too. `semi-updates`: four workers, each with its own quarter of the population and its own state, whose means are averaged after every generation.',
    'A small study: one net, no batch normalisation, no CIFAR-10, populations far below the hundreds to thousands of workers of the papers.',
  ],
  reading: [
    "Losses alone are dear. For the same 20 GMAC Adam makes 6044 updates and ends at 3.09 ± 0.25 % error, the best strategy (OpenAI's) 191 generations of 64 members and 24.44 ± 0.55 %. No strategy comes to 10 %. To 30 % Adam needs at most 0.40 GMAC (its first look) and 0.3 s, OpenAI's 10.2 GMAC and 12.6 s: at least 25 times the products and some 40 times the time, since drawing and adding 25,000 Gaussians a pair is not free. The seconds were taken beside other work on the machine: orders of magnitude, no more.",
    "Semi-updates do not help at this size: OpenAI's strategy loses 4.67 ± 1.05 points by them (each worker ranks 16 members only), SNES 0.50 ± 0.78, which shows nothing. SNES is the faster to 50 % (22 generations against 35) and the worse at the end (by 2.71 ± 0.13). Whether any of this holds for hundreds of workers, where semi-updates were proposed to save traffic, was not tried.",
  ],
  metric: { name: 'Error on the test images', unit: '%', digits: 2 },
  lossName: 'error on 2,000 held-out images, %',
  methods: [
    { label: 'adam', masks: { method: 'adam', rate: 0.003 }, note: 'the gradient' },
    es('openai-es', 'fixed deviation, Adam', { method: 'openai-es', rate: 0.01, sigma: 0.03 }),
    es('openai-es, semi-updates', 'the same, four workers', {
      method: 'openai-es',
      rate: 0.01,
      sigma: 0.03,
      workers: 4,
    }),
    es('snes', 'one learned deviation a parameter', { method: 'snes', rate: 2, sigma: 0.05 }),
    es('snes, semi-updates', 'the same, four workers', { method: 'snes', rate: 2, sigma: 0.05, workers: 4 }),
  ],
  densities: [1],
  seeds: [1, 2, 3],
  budget: () => GMACS,
  settings: { hidden: HIDDEN, batch: BATCH, targets: TARGETS },
  async open(shared) {
    const data = readMnist(path.join(shared, 'data/mnist'))
    return {
      async run({ method, seed }, { signal, report }) {
        const { error, nll, updates, evaluations, gmacs, curve, reached } = await trainWithoutGradients(data, {
          net: { inputs: 784, hidden: [HIDDEN], density: 1 },
          learner: learnerOf(method),
          seed,
          gmacs: GMACS,
          batch: BATCH,
          split: 'test',
          points: 50,
          targets: TARGETS,
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
    'Means over the seeds that came to an error on the held-out images, looked at 50 times a run: updates or generations, images run forward, GMAC; of the seconds (wall, without the looking) the median.',
    '',
    '| error | method | seeds | updates | images forward | GMAC | s |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...TARGETS.flatMap((target) => pureEs.methods.map(({ label }) => crossingRow(target, label, runs))),
    '',
  ],
}

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
