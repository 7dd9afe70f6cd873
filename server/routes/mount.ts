/** Puts the HTTP dialects into the app: for each path the dialect that is meant, its key, its count, its body, its answer. */
import express, { type Express, type Request, type RequestHandler } from 'express'
import type { ServerDeps } from '../deps.ts'
import { methodNotAllowed, sendError } from '../http-errors.ts'
import type { HttpDialect, Route } from './dialect.ts'
import { HTTP_DIALECTS } from './dialects/index.ts'
import { speechHandler } from './speech.ts'

/** Largest body: 4096 characters of input, escaped, with room for the rest. */
const MAX_BODY = '64kb'

interface Candidate {
  readonly dialect: HttpDialect
  readonly route: Route
  readonly handlers: readonly RequestHandler[]
}

/** All routes by their path, in the order of the registry. */
export function routesByPath(): Map<string, { dialect: HttpDialect; route: Route }[]> {
  const paths = new Map<string, { dialect: HttpDialect; route: Route }[]>()
  for (const dialect of HTTP_DIALECTS)
    for (const route of dialect.routes) paths.set(route.path, [...(paths.get(route.path) ?? []), { dialect, route }])
  return paths
}

/** `identify` finds out who asks, `count` counts the request. Both answer themselves when they refuse. */
export function mountDialects(app: Express, deps: ServerDeps, identify: RequestHandler, count: RequestHandler): void {
  for (const [path, routes] of routesByPath()) {
    const candidates = routes.map(({ dialect, route }): Candidate => {
      if ('answer' in route) {
        const answer: RequestHandler = async (req, res) => {
          res.json(await route.answer(req, deps))
        }
        const paid = [count, express.json({ limit: MAX_BODY, type: () => true })]
        return { dialect, route, handlers: [identify, ...(route.method === 'post' ? paid : []), answer] }
      }
      const parse = route.body === 'text' ? express.text : express.json
      const body = parse({ limit: MAX_BODY, type: () => true })
      return { dialect, route, handlers: [identify, count, body, speechHandler(deps, route)] }
    })
    const methods = [...new Set(routes.map(({ route }) => route.method.toUpperCase()))]
    const allowed = (methods.includes('GET') ? [...methods, 'HEAD'] : methods).join(', ')
    // A page of the app itself may have the path for the methods that no dialect wants.
    app.route(path).all((req, res, next) => {
      const candidate = candidates.find(({ route }) => hasMethod(route, req) && (route.isMeant?.(req) ?? true))
      if (!candidate) return path === '/' ? next() : methodNotAllowed(allowed)(req, res, next)
      res.locals.dialect = candidate.dialect
      res.locals.keyInQuery = 'keyInQuery' in candidate.route && candidate.route.keyInQuery
      inTurn(candidate.handlers)(req, res, (error?: unknown) => {
        if (error === undefined) next()
        else sendError(res, error)
      })
    })
  }
}

const hasMethod = ({ method }: Route, req: Request): boolean =>
  method === req.method.toLowerCase() || (method === 'get' && req.method === 'HEAD')

/** Handlers one after the other; what one throws, or hands on as an error, ends them. */
const inTurn =
  (handlers: readonly RequestHandler[]): RequestHandler =>
  (req, res, done) => {
    const run = async (at: number): Promise<void> => {
      const handler = handlers[at]
      if (!handler) return done()
      try {
        await handler(req, res, (error?: unknown) => {
          if (error === undefined) void run(at + 1)
          else done(error)
        })
      } catch (error) {
        done(error)
      }
    }
    void run(0)
  }
