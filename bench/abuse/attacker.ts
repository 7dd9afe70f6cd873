/** Thread of one attack, so that what bystanders measure is the server and not the attackers. */
import { parentPort, workerData } from 'node:worker_threads'
import { ATTACKS, type AttackerData } from './attacks.ts'

const { name, target, seconds } = workerData as AttackerData
const { width, move } = ATTACKS.find((attack) => attack.name === name)!
const until = performance.now() + seconds * 1000
let sent = 0
const field = {
  target,
  isOver: () => performance.now() > until,
  count: (by = 1) => {
    sent += by
  },
}
await Promise.all(
  Array.from({ length: width }, async () => {
    while (!field.isOver()) await move(field)
  }),
)
parentPort!.postMessage(sent)
