/**
 * Requests that a client sends on one connection without waiting for answers. HTTP answers them in order, so each is begun
 * when the one before has ended. Those that wait when the connection closes are forgotten.
 */
import type { Socket } from 'node:net'
import type { RequestHandler } from 'express'

/** Requests of one connection that may wait. */
const WAITING = 16

interface Line {
  isBusy: boolean
  waiting: (() => void)[]
}

export function inOrder(): RequestHandler {
  const lines = new WeakMap<Socket, Line>()
  return (req, res, next) => {
    const { socket } = req
    let line = lines.get(socket)
    if (!line) {
      line = { isBusy: false, waiting: [] }
      lines.set(socket, line)
      const own = line
      socket.once('close', () => {
        own.waiting = []
      })
    }
    const own = line
    const begin = (): void => {
      own.isBusy = true
      res.once('close', () => {
        own.isBusy = false
        own.waiting.shift()?.()
      })
      next()
    }
    if (!own.isBusy) begin()
    else if (own.waiting.length < WAITING) own.waiting.push(begin)
    else socket.destroy()
  }
}
