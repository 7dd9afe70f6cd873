/** MNIST: hybrid ES and its controls on a multi-layer perceptron. */
import { classifierStudy } from './classification.ts'
import { CONTROLS, HYBRIDS } from './methods.ts'

export const MNIST_NET = {
  net: { inputs: 784, hidden: [304, 112] },
  folder: 'data/mnist',
  updates: 700,
  batch: 128,
  learningRate: 3e-3,
} as const

export const mnist = classifierStudy({
  name: 'mnist',
  title: 'MNIST: learned masks at equal compute',
  text: [
    'A multi-layer perceptron 784-304-112-10 has block-sparse hidden layers (16x1) and a dense output layer. It trains on 50,000 images and is measured once, at the end, on the 10,000 test images.',
    'Adam, batches of 128, learning rate 3e-3 with cosine decay to 5 %. The moving average of the weights is measured. All of it is the same for every method and tuned for none.',
    'The budget is what 700 updates (1.8 epochs) of a net with fixed masks cost at the density. The options of `hybrid-es` were searched on other images and seeds: [mnist-search](mnist-search.md).',
  ],
  reading: [
    "The hybrid loses to fixed random masks at every density: by 0.44 ± 0.11, 0.48 ± 0.14 and 0.41 ± 0.10 points of error at 5, 10 and 20 %. The variant that decides among RigL's candidates loses by 0.40 ± 0.05, 0.42 ± 0.13 and 0.32 ± 0.10. Both lose as much to SET, DeepR and Gumbel gates, and to RigL at 10 and 20 %. At 5 % the difference from RigL is within two standard errors.",
    'Two causes lie in the method. A population costs two nets while it searches, so it gets 630 updates instead of 700. And its masks move under the weights. The fitness says next to nothing: the square of the gathered search gradient is that of pure noise within 2.5 % in all 15 runs (mean +0.35 %). Only a fifth of the budget is searched, because more search was worse.',
    'The hybrid wins where the other method wastes the budget. Magnitude pruning starts dense and gets fewer updates: the hybrid is ahead by 4.18 ± 0.20 and 0.77 ± 0.06 points at 5 and 10 %, and behind by 0.21 ± 0.07 at 20 %. Hard-concrete gates start dense too, and the hybrid is ahead by 2.3 to 6.2 points.',
    'The other learned masks do little better than none. RigL gains 0.15 ± 0.06 on random masks at 20 %. All else of SET, RigL, DeepR and Gumbel is within two standard errors of 0. The best net of this budget at 5 and 10 % is a narrower dense one, 1.38 ± 0.31 and 0.65 ± 0.18 better than random. Only at 20 % are sparse nets as good.',
    'So 1.8 epochs of MNIST say that searching for masks does not pay in so short a training. They say nothing of long ones, where masks have time to matter.',
  ],
  ...MNIST_NET,
  split: 'test',
  densities: [0.1, 0.05, 0.2],
  seeds: [1, 2, 3, 4, 5],
  methods: [
    { label: 'dense', masks: { method: 'dense' }, net: 'dense', note: 'the whole net for the same compute' },
    { label: 'small-dense', masks: { method: 'dense' }, net: 'equal-cost', note: 'a narrower dense net of equal cost' },
    ...CONTROLS,
    { label: 'deepr', masks: { method: 'deepr' }, note: 'rewiring' },
    { label: 'hard-concrete', masks: { method: 'hard-concrete' }, note: 'L0 gates' },
    { label: 'gumbel', masks: { method: 'gumbel' }, note: 'learned gates' },
    ...HYBRIDS,
  ],
})
