/** Ranks in one process, for tests without MPI: messages are copied when both sides have come. */
import { bytesOf } from 'sparsewave/internal/arrays'
import type { Link, Message } from '../ranks/link.ts'

interface Side {
  readonly message: Message
  readonly done: () => void
}

/** A link for each rank. `hosts`: the host of each; `watch` sees every message that is sent. */
export function memoryLinks(
  hosts: readonly string[],
  watch: (from: number, to: number, bytes: number) => void = () => {},
): Link[] {
  /** Sides that wait for the other one, by pair, first come first. */
  const waiting = new Map<string, Side[]>()
  return hosts.map((_, rank) => ({
    rank,
    size: hosts.length,
    hosts,
    async exchange(messages) {
      await Promise.all(
        messages.map(
          (message) =>
            new Promise<void>((done) => {
              const { peer, send, receive } = message
              if (send.byteLength > 0) watch(rank, peer, send.byteLength)
              const theirs = waiting.get(`${peer} ${rank}`)?.shift()
              if (!theirs) {
                const key = `${rank} ${peer}`
                waiting.set(key, [...(waiting.get(key) ?? []), { message, done }])
                return
              }
              if (
                receive.byteLength !== theirs.message.send.byteLength ||
                send.byteLength !== theirs.message.receive.byteLength
              )
                throw new Error(`ranks ${rank} and ${peer} disagree about a message's length`)
              bytesOf(receive).set(bytesOf(theirs.message.send))
              bytesOf(theirs.message.receive).set(bytesOf(send))
              done()
              theirs.done()
            }),
        ),
      )
    },
  }))
}
