/** Middleware that every app of the server begins with: request ids, security headers, counted requests. */
import { randomUUID } from 'node:crypto'
import type { Request, RequestHandler } from 'express'
import helmet from 'helmet'
import type { Gate } from './access/gate.ts'

/** Takes over a caller's request id if it is a harmless one; else makes one. */
export const requestId: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id')
  res.set('X-Request-Id', given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID())
  next()
}

export const countRequest =
  (gate: Gate): RequestHandler =>
  async (req, res, next) => {
    if (req.method === 'HEAD') return next()
    const standing = await gate.request(res.locals.caller)
    // A text that can never be spoken is no use of the window.
    if (standing) res.locals.giveBack = () => gate.giveBack(res.locals.caller)
    if (standing)
      res.set({
        'X-RateLimit-Limit-Requests': String(standing.limit),
        'X-RateLimit-Remaining-Requests': String(standing.remaining),
        'X-RateLimit-Reset-Requests': `${standing.resetSeconds.toFixed(1)}s`,
      })
    next()
  }

export const security = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      // WebAssembly for pages that speak by themselves.
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      mediaSrc: ["'self'", 'blob:'],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // Plain HTTP is the rule inside a cluster; whoever ends TLS sets this.
  strictTransportSecurity: false,
})

/** Where the reader has reached the server, for examples that can be copied. */
export function originOf(req: Request): string {
  const host = req.get('host') ?? ''
  return `${req.protocol}://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost:8080'}`
}
