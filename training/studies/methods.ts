/** Methods that several studies compare, with the options that were searched on MNIST. */
import type { StudyMethod } from './study.ts'

export const CONTROLS: readonly StudyMethod[] = [
  { label: 'random', masks: { method: 'random' }, note: 'fixed' },
  { label: 'magnitude-pruning', masks: { method: 'magnitude-pruning', every: 20 }, note: 'dense at first' },
  { label: 'set', masks: { method: 'set', every: 50 }, note: 'random proposals' },
  { label: 'rigl', masks: { method: 'rigl', every: 50 }, note: 'gradient proposals' },
]

export const HYBRIDS: readonly StudyMethod[] = [
  {
    label: 'hybrid-es',
    masks: { method: 'hybrid-es', pairs: 4, hold: 5, accumulate: 25, sigma: 0.03, rate: 0.1, freeze: 0.2 },
    note: 'scores of all blocks',
  },
  {
    label: 'hybrid-es gradient',
    masks: {
      method: 'hybrid-es',
      pairs: 4,
      hold: 5,
      proposals: 'gradient',
      window: 50,
      sigma: 1,
      rate: 1,
      freeze: 0.2,
    },
    note: "the strategy decides among RigL's candidates",
  },
]

/**
 * Found after the others (docs/measurements/studies/sparse-wavernn-tried.md): a population that costs what one net costs, searching the matrices
 * whose names begin with `only`, those that read the data.
 */
export const turns = (only: string): StudyMethod => ({
  label: 'hybrid-es turns',
  masks: {
    method: 'hybrid-es',
    share: 'turns',
    choose: 'movement',
    only,
    pairs: 4,
    accumulate: 8,
    sigma: 3,
    rate: 3,
    freeze: 0.1,
  },
  note: 'members take turns for a tenth of the budget, then the blocks that moved furthest stay; input matrices only',
})
