import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('the stream that would run dry first goes first, newcomers before all', async () => {
  const turns = new Turns()
  const order: string[] = []
  const take = (name: string, deadline: number) => turns.take(deadline).then(() => order.push(name))
  await Promise.all([
    take('far ahead', 9000),
    take('soon dry', 100),
    take('new', Number.NEGATIVE_INFINITY),
    take('newer', Number.NEGATIVE_INFINITY),
  ])
  expect(order).toEqual(['new', 'newer', 'soon dry', 'far ahead'])
})

test('exclusive work runs one at a time, the most urgent next, also after a failure', async () => {
  const turns = new Turns()
  const order: string[] = []
  let running = 0
  const work = (name: string, deadline: number) =>
    turns.exclusive(deadline, async () => {
      expect(++running).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      order.push(name)
      if (name === 'fails') throw new Error('broken')
    })
  const first = work('fails', 0)
  const rest = [work('late', 50), work('early', 10)]
  await expect(first).rejects.toThrow('broken')
  await Promise.all(rest)
  expect(order).toEqual(['fails', 'early', 'late'])
})

test('a stream far ahead waits while a newcomer has the model, one that is not goes on', async () => {
  const turns = new Turns()
  const order: string[] = []
  const far = turns.take(performance.now() + 60_000).then(() => order.push('far ahead'))
  await turns.exclusive(Number.NEGATIVE_INFINITY, async () => {
    await turns.take(performance.now() + 100)
    order.push('near')
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    order.push('newcomer')
  })
  await far
  expect(order).toEqual(['near', 'newcomer', 'far ahead'])
})
