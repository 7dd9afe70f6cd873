import { expect, test, vi } from 'vitest'
import { DeadlineScheduler } from './scheduler.ts'

test('the stream with the nearest deadline goes first; one without audio yet is due in 30 ms', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  const take = (name: string, deadline: number) => scheduler.run(deadline, async () => order.push(name))
  const now = performance.now()
  await Promise.all([
    take('far ahead', now + 1900),
    take('has some', now + 450),
    take('soon dry', now + 10),
    take('new', Number.NEGATIVE_INFINITY),
    take('newer', Number.NEGATIVE_INFINITY),
  ])
  expect(order).toEqual(['soon dry', 'new', 'newer', 'has some', 'far ahead'])
})

test('exclusive work runs one at a time, the most urgent next, also after a failure', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  let running = 0
  const work = (name: string, deadline: number) =>
    scheduler.exclusive(deadline, 10, async () => {
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

test('a stream far ahead waits while a new stream has the model, one that is not goes on', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  const far = scheduler.run(performance.now() + 60_000, async () => order.push('far ahead'))
  await scheduler.exclusive(Number.NEGATIVE_INFINITY, 10, async () => {
    await scheduler.run(performance.now() + 100, async () => order.push('near'))
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    order.push('new stream')
  })
  await far
  expect(order).toEqual(['near', 'new stream', 'far ahead'])
})

test('streams run in batches of up to 16; a failure frees its slot', async () => {
  const scheduler = new DeadlineScheduler()
  let running = 0
  let most = 0
  const piece = async () => {
    most = Math.max(most, ++running)
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve))
    running--
    throw new Error('broken')
  }
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => scheduler.run(i, piece)))
  expect(all.map(({ status }) => status)).toEqual(new Array(40).fill('rejected'))
  expect(most).toBe(16)
})

test('a stream more than two seconds ahead yields to one in the batch that is not', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  const now = performance.now()
  const slow = scheduler.run(now + 100, async () => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    order.push('near')
  })
  const far = scheduler.run(now + 60_000, async () => order.push('far'))
  const near = scheduler.run(now + 200, async () => order.push('near too'))
  await Promise.all([slow, far, near])
  expect(order).toEqual(['near too', 'near', 'far'])
})

test('the model is not called while a stream is close to an underrun, but a new stream does not wait for ever', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  const urgent = scheduler.run(performance.now() + 20, async () => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    order.push('urgent')
  })
  await scheduler.exclusive(Number.NEGATIVE_INFINITY, 10, async () => order.push('new stream'))
  await urgent
  expect(order).toEqual(['urgent', 'new stream'])

  // On an overloaded thread some stream is always close to an underrun.
  let overloaded = true
  const late = async (): Promise<void> => {
    while (overloaded) await scheduler.run(performance.now(), async () => {})
  }
  const busy = [late(), late()]
  await scheduler.exclusive(Number.NEGATIVE_INFINITY, 10, async () => order.push('new stream under load'))
  overloaded = false
  await Promise.all(busy)
  expect(order.at(-1)).toBe('new stream under load')
})

test('between two calls of the model, streams close to an underrun get what they need', async () => {
  const scheduler = new DeadlineScheduler()
  let clock = performance.now()
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => clock)
  const order: string[] = []
  // Three callers that have waited long, each call 20 ms; two listeners with 25 ms in hand.
  const calls = [1, 2, 3].map((n) =>
    scheduler.exclusive(Number.NEGATIVE_INFINITY, 40, async () => {
      order.push(`call ${n}`)
      clock += 20
    }),
  )
  clock += 1000
  await calls[0]
  const listener = async (name: string): Promise<void> => {
    for (let deadline = clock + 25; deadline < clock + 200; deadline += 40)
      await scheduler.run(deadline, async () => order.push(name))
  }
  await Promise.all([...calls, listener('a'), listener('b')])
  // 25 and 65 ms in hand are too little for a call of 20 ms to begin.
  expect(order.slice(0, order.indexOf('call 2'))).toEqual(['call 1', 'a', 'b', 'a', 'b'])
  spy.mockRestore()
})

test('a stream with enough audio ahead does not join the batch of one close to an underrun', async () => {
  const scheduler = new DeadlineScheduler()
  const order: string[] = []
  const now = performance.now()
  const safe = scheduler.run(now + 1500, async () => order.push('safe'))
  const urgent = scheduler.run(now + 30, async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
    order.push('urgent')
  })
  await Promise.all([safe, urgent])
  expect(order).toEqual(['urgent', 'safe'])
})

test('before a long call of the model, streams get more audio ahead than before a short one', async () => {
  const scheduler = new DeadlineScheduler()
  const now = performance.now()
  let clock = now
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => clock)
  const order: string[] = []
  // The first call tells that a symbol takes 10 ms.
  for (let i = 0; i < 30; i++)
    await scheduler.exclusive(Number.NEGATIVE_INFINITY, 10, async () => {
      clock += 100
    })
  const near = (name: string, lead: number) =>
    scheduler.run(clock + lead, async () => {
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
      order.push(name)
    })
  const call = (name: string, symbols: number) =>
    scheduler.exclusive(Number.NEGATIVE_INFINITY, symbols, async () => order.push(name))
  await Promise.all([near('has 80 ms', 80), call('short call', 1)])
  await Promise.all([near('has 300 ms', 300), call('long call', 20)])
  expect(order).toEqual(['short call', 'has 80 ms', 'has 300 ms', 'long call'])
  spy.mockRestore()
})
