/**
 * What messages between two ranks cost, by number and size: the part of an exchange that does not depend on bytes.
 *
 *     scripts/two-hosts.sh 1 node bench/dist/ranks-messages.js
 */
import { startMpi } from 'sparsewave-training/internal/ranks/mpi'
import { median } from './measure.ts'

const link = await startMpi()
const peer = 1 - link.rank
const messages = (count: number, bytes: number) =>
  Array.from({ length: count }, () => ({ peer, send: new Uint8Array(bytes), receive: new Uint8Array(bytes) }))

for (const [count, bytes] of [
  [1, 40],
  [63, 40],
  [63, 1300],
  [3, 20_000],
] as const) {
  const all = messages(count, bytes)
  const times: number[] = []
  for (let round = 0; round < 400; round++) {
    // Both begin at once.
    await link.exchange(messages(1, 1))
    const before = performance.now()
    await link.exchange(all)
    times.push(performance.now() - before)
  }
  if (link.rank === 0)
    console.log(`| ${count} | ${bytes} | ${Math.min(...times).toFixed(3)} | ${median(times).toFixed(3)} |`)
}
await link.finish()
