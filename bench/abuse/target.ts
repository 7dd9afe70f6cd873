/** A server to be treated badly: where it listens, and what it must tell afterwards. */
export interface Target {
  readonly port: number
  readonly wyomingPort: number
}

/** The sum of a metric's samples whose labels hold `having`, as /metrics tells it. */
export async function metric({ port }: Target, name: string, having = ''): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !/^[ {]/.test(line.slice(name.length)) || !line.includes(having)) continue
    sum += Number(line.slice(line.lastIndexOf(' ')))
  }
  return sum
}

/** Runs `work(0..count - 1)`, so many at a time. */
export async function inParallel(count: number, width: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      while (next < count) await work(next++)
    }),
  )
}
