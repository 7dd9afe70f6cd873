/** A study that costs nothing: every figure follows from its cell, so that pages of any number of workers can be compared. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Study } from '../studies/study.ts'

/** Turns of the event loop of a run: long enough to be killed within. */
const TURNS = 2000

export const countingStudy: Study = {
  name: 'counting',
  title: 'Counting',
  text: ['Nothing is trained.'],
  metric: { name: 'Loss', unit: 'bits', digits: 2 },
  lossName: 'loss',
  methods: [
    { label: 'random', masks: { method: 'random' }, note: 'control' },
    { label: 'hybrid-es', masks: { method: 'hybrid-es' }, note: 'strategy' },
  ],
  densities: [0.2, 0.1],
  seeds: [1, 2, 3],
  settings: {},
  budget: () => 1,
  async open() {
    return {
      async run({ method, density, seed }, { signal, report }) {
        for (let i = 0; i < TURNS && !signal.aborted; i++) {
          if (i % 100 === 0) report(i / TURNS)
          await turn()
        }
        const value = 10 + 100 * density - seed / 7 - (method.label === 'hybrid-es' ? 1 : 0)
        return { value, also: {}, updates: 5, gmacs: 1, curve: [[1, value]] }
      },
      close() {},
    }
  },
}
