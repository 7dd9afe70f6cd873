/** Pages of other origins: let in only if the settings name them, over HTTP (CORS) and WebSocket alike. */
import cors from 'cors'
import type { RequestHandler } from 'express'

/** Whether a page of `origin` may talk to the server that it reached as `host`. */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}

/** CORS headers for the origins named; nothing when none is. */
export function corsFor(allowed: readonly string[]): RequestHandler[] {
  if (allowed.length === 0) return []
  return [
    cors({
      origin: allowed.includes('*') ? '*' : [...allowed],
      exposedHeaders: ['X-Request-Id', 'X-Seed', 'X-Unread-Scripts', 'Retry-After'],
      maxAge: 600,
    }),
  ]
}
