/** Options of the hybrid, searched on MNIST's validation images; the study `mnist` then uses the best. */
import { classifierStudy } from './classification.ts'
import { MNIST_NET } from './mnist.ts'
import type { StudyMethod } from './study.ts'

const suffix = (extra: object) => Object.entries(extra).map(([k, v]) => `, ${k} ${v}`)
const scores = (sigma: number, by: number, extra: object = {}): StudyMethod => ({
  label: [`scores, sigma ${sigma}, rate ${Number(by.toFixed(3))}`, ...suffix(extra)].join(''),
  masks: { method: 'hybrid-es', pairs: 4, hold: 5, accumulate: 25, sigma, rate: Number(by.toFixed(3)), ...extra },
  note: 'scores of all blocks',
})
const gradient = (sigma: number, rate: number, extra: object = {}): StudyMethod => ({
  label: [`gradient, rate ${rate}`, ...suffix(extra)].join(''),
  masks: { method: 'hybrid-es', pairs: 4, hold: 5, proposals: 'gradient', window: 50, sigma, rate, ...extra },
  note: 'candidates as in RigL',
})

export const mnistSearch = classifierStudy({
  name: 'mnist-search',
  title: 'Search: options of hybrid ES on MNIST',
  text: [
    'The net, budget and rates of [mnist](mnist.md), on the last 10,000 training images. No net of either study trains on them.',
    'A population costs two nets, so the longer it searches, the fewer updates the weights get. Moving masks also disturb the weights. At this budget every hybrid loses to fixed random masks. Those that search the first fifth only lose least, and went into the study.',
  ],
  ...MNIST_NET,
  split: 'validation',
  densities: [0.1],
  seeds: [101, 102],
  methods: [
    { label: 'random', masks: { method: 'random' }, note: 'control' },
    { label: 'rigl', masks: { method: 'rigl', every: 50 }, note: 'control' },
    ...[0.1, 0.3, 1].flatMap((sigma) => [3, 30].map((ratio) => scores(sigma, ratio * sigma))),
    // Searching costs twice an update, so what is searched less, or disturbs the net less, is tried too.
    ...[0.01, 0.03].map((sigma) => scores(sigma, sigma)),
    scores(0.03, 0.1, { freeze: 0.2 }),
    scores(0.1, 0.3, { freeze: 0.2 }),
    gradient(1, 1),
    gradient(1, 1, { freeze: 0.2 }),
    gradient(1, 1, { freeze: 0.2, fraction: 0.1 }),
    gradient(1, 1, { freeze: 0.5, fraction: 0.1 }),
    gradient(1, 10),
    gradient(1, 10, { freeze: 0.75 }),
    gradient(1, 10, { freeze: 0.75, settle: 0.2 }),
    gradient(1, 10, { pairs: 1, hold: 1, freeze: 0.75 }),
    gradient(1, 10, { freeze: 0.75, guided: 0.5 }),
    {
      label: 'scores warm',
      masks: {
        method: 'hybrid-es',
        pairs: 4,
        hold: 5,
        accumulate: 25,
        sigma: 0.3,
        rate: 3,
        warmStart: 0.2,
        freeze: 0.7,
      },
      note: 'scores from magnitudes at a fifth of the budget',
    },
    {
      label: 'scores guided',
      masks: { method: 'hybrid-es', pairs: 4, hold: 5, accumulate: 25, sigma: 0.3, rate: 3, guided: 0.5 },
      note: 'guided ES',
    },
  ],
})
