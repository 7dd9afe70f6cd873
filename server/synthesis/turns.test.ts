import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('the stream that would run dry first goes first, newcomers before all', async () => {
  const turns = new Turns()
  const order: string[] = []
  const take = (name: string, deadline: number) => turns.take(deadline, async () => order.push(name))
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
  const far = turns.take(performance.now() + 60_000, async () => order.push('far ahead'))
  await turns.exclusive(Number.NEGATIVE_INFINITY, async () => {
    await turns.take(performance.now() + 100, async () => order.push('near'))
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    order.push('newcomer')
  })
  await far
  expect(order).toEqual(['near', 'newcomer', 'far ahead'])
})

test('streams work side by side, up to 16; a failure gives its place free', async () => {
  const turns = new Turns()
  let running = 0
  let most = 0
  const piece = async () => {
    most = Math.max(most, ++running)
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve))
    running--
    throw new Error('broken')
  }
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => turns.take(i, piece)))
  expect(all.map(({ status }) => status)).toEqual(new Array(40).fill('rejected'))
  expect(most).toBe(16)
})

test('a stream more than two seconds ahead yields to one at work that is not', async () => {
  const turns = new Turns()
  const order: string[] = []
  const now = performance.now()
  const slow = turns.take(now + 100, async () => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    order.push('near')
  })
  const far = turns.take(now + 60_000, async () => order.push('far'))
  const near = turns.take(now + 200, async () => order.push('near too'))
  await Promise.all([slow, far, near])
  expect(order).toEqual(['near too', 'near', 'far'])
})
