import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createProgressView } from './progress.ts'

/** A view on a made-up stream and clock; `text()` is what has been written. */
function open(isTTY: boolean) {
  const chunks: string[] = []
  const terminal = { isTTY, columns: 120, cursorTo: () => true, moveCursor: () => true, clearLine: () => true }
  const stream = Object.assign(new PassThrough(), terminal)
  stream.on('data', (chunk) => chunks.push(String(chunk)))
  const clock = { seconds: 100 }
  const view = createProgressView(stream as unknown as NodeJS.WriteStream, () => clock.seconds * 1000)
  return { view, clock, text: () => chunks.join('') }
}

const step = (done: number) => ({
  stage: 'train' as const,
  done,
  total: 1000,
  loss: 20.12345,
  stepsPerSecond: 65_432,
  audioPerSecond: 10.94,
})

test('without a terminal there is a line a minute and one at the end, with loss, speeds and time left', () => {
  const { view, clock, text } = open(false)
  for (let update = 1; update <= 1000; update++) {
    view.report(step(update))
    clock.seconds += 0.125
  }
  view.stop()
  expect(text()).toBe(
    [
      'training 482/1000  ETA 1:05  loss 20.123  65k steps/s  10.9 s audio/s',
      'training 963/1000  ETA 0:05  loss 20.123  65k steps/s  10.9 s audio/s',
      'training 1000/1000  ETA 0:00  loss 20.123  65k steps/s  10.9 s audio/s\n',
    ].join('\n'),
  )
})

test('the held-out loss stays on the line; validation prints none of its own', () => {
  const { view, text } = open(false)
  view.report({ stage: 'validation', done: 10, total: 1000, loss: 19.5 })
  expect(text()).toBe('')
  view.report(step(1000))
  expect(text()).toContain('held-out 19.500\n')
})

test('every stage has a time of its own, and long ones are told in hours', () => {
  const { view, clock, text } = open(false)
  view.report({ stage: 'features', done: 0, total: 2 })
  clock.seconds += 500
  view.report({ stage: 'features', done: 2, total: 2 })
  expect(text()).toMatch(/^features 0\/2.*\n|^features 2\/2 {2}ETA 0:00/)
  view.report(step(0))
  clock.seconds += 61
  view.report(step(5))
  expect(text()).toContain('training 5/1000  ETA 3:22:19')
})

test('on a terminal there is a bar on one line, which ends when the view stops', () => {
  const { view, clock, text } = open(true)
  view.report(step(0))
  clock.seconds += 10
  view.report(step(250))
  view.stop()
  expect(text()).toMatch(/training .*250\/1000 {2}ETA 0:30 {2}loss 20\.123 {2}65k steps\/s {2}10\.9 s audio\/s/)
  expect(text().match(/\n/g)).toHaveLength(1)
  // Nothing is left to stop.
  view.stop()
  expect(text().match(/\n/g)).toHaveLength(1)
})
