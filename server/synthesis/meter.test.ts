import { expect, test } from 'vitest'
import { Meter } from './meter.ts'

function clocked() {
  const clock = { busy: 0, all: 0 }
  const meter = new Meter(() => ({ ...clock }))
  const pass = (all: number, busy: number): void => {
    clock.all += all
    clock.busy += busy
  }
  return { meter, pass }
}

test('cost is busy time per second of audio, busy its share of the time', () => {
  const { meter, pass } = clocked()
  expect(meter.read()).toEqual({ busy: 0, cost: undefined })
  pass(500, 100)
  meter.add(2)
  expect(meter.read()).toEqual({ busy: 0.2, cost: 0.05 })
  pass(500, 0)
  expect(meter.read()).toEqual({ busy: 0, cost: 0.05 })
})

test('readings count by their audio, and old ones less and less', () => {
  const { meter, pass } = clocked()
  pass(1000, 200)
  meter.add(2)
  expect(meter.read().cost).toBeCloseTo(0.1)
  pass(1000, 500)
  meter.add(1)
  expect(meter.read().cost).toBeCloseTo(0.7 / 3, 1)
  pass(1000, 1000)
  meter.add(100)
  expect(meter.read().cost).toBeCloseTo(0.01, 2)
})

test('work whose audio comes later counts, keeping time does not', () => {
  const { meter, pass } = clocked()
  pass(500, 300)
  expect(meter.read().cost).toBe(undefined)
  pass(500, 100)
  meter.add(4)
  expect(meter.read().cost).toBeCloseTo(0.1)
  for (let hour = 0; hour < 24; hour++) {
    pass(3_600_000, 1000)
    meter.read()
  }
  expect(meter.read().cost).toBeCloseTo(0.1)
})
