import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createMasks } from '../masks/index.ts'
import { findStudy, runStudy, STUDIES } from './index.ts'
import { readLog } from './log.ts'
import { pairedDifference, summarize } from './report.ts'
import { type Cell, cellKey, cells, type Study } from './study.ts'

/** A study whose figures are known: 10 + 100 density - seed, less 1 for the hybrid. */
function madeUpStudy(ran: string[], budget = 1): Study {
  return {
    name: 'made-up',
    title: 'Made up',
    text: ['Nothing is trained.'],
    metric: { name: 'Loss', unit: 'bits', digits: 2 },
    lossName: 'loss',
    methods: [
      { label: 'random', masks: { method: 'random' }, note: 'control' },
      { label: 'hybrid', masks: { method: 'hybrid-es' }, note: 'strategy' },
    ],
    densities: [0.2, 0.1],
    seeds: [1, 2, 3],
    settings: {},
    budget: () => budget,
    async open() {
      return {
        async run({ method, density, seed }: Cell) {
          ran.push(`${method.label} ${density} ${seed}`)
          const value = 10 + 100 * density - seed - (method.label === 'hybrid' ? 1 : 0)
          return { value, also: {}, updates: 5, gmacs: budget, curve: [[1, value]] }
        },
        close() {},
      }
    },
  }
}

const out = () => mkdtempSync(path.join(tmpdir(), 'study-'))
const go = (study: Study, folder: string, change: object = {}) =>
  runStudy(study, {
    out: folder,
    shared: '.',
    limit: undefined,
    reportOnly: false,
    signal: new AbortController().signal,
    report() {},
    ...change,
  })

test('runs the whole grid once and writes table, differences and plots', async () => {
  const folder = out()
  const ran: string[] = []
  expect(await go(madeUpStudy(ran), folder)).toEqual({ done: 12, total: 12 })
  expect(ran).toHaveLength(12)
  expect(ran.slice(0, 4)).toEqual(['random 0.2 1', 'hybrid 0.2 1', 'random 0.2 2', 'hybrid 0.2 2'])
  const text = readFileSync(path.join(folder, 'made-up.md'), 'utf8')
  expect(text).toContain('| random | 18.00 ± 1.00 (3) | 28.00 ± 1.00 (3) | 5 |')
  expect(text).toContain('| hybrid | **17.00 ± 1.00 (3)** | **27.00 ± 1.00 (3)** | 5 |')
  expect(text).toContain('| hybrid | random | -1.00 ± 0.00 | -1.00 ± 0.00 |')
  expect(text).not.toContain('Unfinished')
  expect(readFileSync(path.join(folder, 'made-up.svg'), 'utf8')).toContain('</svg>')
})

test('a log cut anywhere, as a kill leaves it, loses the cut run only', async () => {
  const folder = out()
  await go(madeUpStudy([]), folder)
  const log = path.join(folder, 'data', 'made-up.jsonl')
  const whole = readFileSync(log, 'utf8')
  for (let cut = 0; cut < whole.length; cut += 197) {
    writeFileSync(log, whole.slice(0, cut))
    const kept = whole.slice(0, cut + 1).split('\n').length - 1
    const ran: string[] = []
    expect(await go(madeUpStudy(ran), folder)).toEqual({ done: 12, total: 12 })
    expect(ran.length).toBeGreaterThanOrEqual(12 - kept - 1)
    expect(ran.length).toBeLessThanOrEqual(12 - kept)
    expect(readLog(log)).toHaveLength(12)
  }
})

test('what was stopped goes on, and says so until it is whole', async () => {
  const folder = out()
  const stop = new AbortController()
  const ran: string[] = []
  const report = ({ done }: { done: number }) => done === 5 && stop.abort()
  expect((await go(madeUpStudy(ran), folder, { signal: stop.signal, report })).done).toBeLessThan(12)
  expect(readFileSync(path.join(folder, 'made-up.md'), 'utf8')).toMatch(/Unfinished: \d of 12 runs/)
  await go(madeUpStudy(ran), folder)
  expect(ran).toHaveLength(12)
  expect(new Set(ran).size).toBe(12)
})

test('with a limit no run starts after it; reporting alone runs nothing', async () => {
  const ran: string[] = []
  expect((await go(madeUpStudy(ran), out(), { limit: -1 })).done).toBe(0)
  expect((await go(madeUpStudy(ran), out(), { reportOnly: true })).done).toBe(0)
  expect(ran).toEqual([])
})

test('runs of another budget do not count', async () => {
  const folder = out()
  await go(madeUpStudy([]), folder)
  const ran: string[] = []
  await go(madeUpStudy(ran, 2), folder)
  expect(ran).toHaveLength(12)
  appendFileSync(path.join(folder, 'data', 'made-up.jsonl'), '')
  expect(readLog(path.join(folder, 'data', 'made-up.jsonl'))).toHaveLength(24)
})

test('spread is the sample deviation; differences are paired by seed', () => {
  expect(summarize([1, 2, 3, 4])).toEqual({ count: 4, mean: 2.5, deviation: Math.sqrt(5 / 3) })
  expect(summarize([1]).deviation).toBeNaN()
  const run = (seed: number, value: number) => ({ seed, value }) as never
  expect(pairedDifference([run(1, 5), run(2, 9), run(3, 0)], [run(2, 10), run(1, 4)])).toEqual({
    mean: 0,
    error: 1,
    count: 2,
  })
})

test('every declared cell has its own key, a method that exists and options that it takes', () => {
  for (const study of STUDIES) {
    const keys = cells(study).map((cell) => cellKey(study, cell))
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(study.methods.map((m) => m.label)).size).toBe(study.methods.length)
    const matrices = [{ name: 'w', offset: 0, rows: 16, columns: 4, kept: 4 }]
    for (const wanted of study.methods) {
      const { method, ...options } = wanted.masks
      if (study.check) study.check(wanted)
      else expect(createMasks(method, { matrices, seed: 1 }, options).name).toBe(method)
    }
  }
  expect(() => findStudy('mnits')).toThrow(/Did you mean 'mnist'/)
})
