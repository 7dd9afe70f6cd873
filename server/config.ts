/** The server's settings, read once from the environment and checked; nothing else reads the environment. */
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { SparsewaveError } from '../src/errors.ts'

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max)

export const configSchema = z.object({
  PORT: whole(0, 65535).default(8080).describe('port to listen on; 0 = any free one'),
  HOST: z.string().min(1).default('0.0.0.0').describe('address to listen on'),
  SPARSEWAVE_VOICE: z
    .string()
    .min(1)
    .optional()
    .describe('voice used when a request names none; else the first there is'),
  SPARSEWAVE_WORKERS: whole(1, 1024).optional().describe('synthesis threads; one a core unless set'),
  SPARSEWAVE_STREAMS_PER_WORKER: whole(1, 4096).default(32).describe('streams a thread makes at the same time'),
  SPARSEWAVE_QUEUE: whole(0, 65536).default(64).describe('requests that may wait for a free stream; more get 429'),
  SPARSEWAVE_WS_CONNECTIONS: whole(1, 65536).default(256).describe('WebSocket connections open at the same time'),
  SPARSEWAVE_WS_IDLE_SECONDS: whole(1, 86400)
    .default(300)
    .describe('a WebSocket that sends nothing for so long is closed'),
  SPARSEWAVE_REQUEST_SECONDS: whole(1, 86400).default(600).describe('longest time one request may take'),
  SPARSEWAVE_DRAIN_SECONDS: whole(0, 3600).default(25).describe('time that running requests get on SIGTERM'),
})

export interface Config {
  readonly port: number
  readonly host: string
  readonly voice: string | undefined
  readonly workers: number
  readonly streamsPerWorker: number
  readonly queue: number
  readonly wsConnections: number
  readonly wsIdleSeconds: number
  readonly requestSeconds: number
  readonly drainSeconds: number
}

/** Settings from an environment; throws USAGE naming each variable that is wrong. Empty counts as unset. */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = configSchema.safeParse(set)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new SparsewaveError('USAGE', `The environment has settings that cannot be used: ${faults.join('; ')}.`, {
      remedy: 'docs/http.md lists the settings and their ranges.',
    })
  }
  const c = parsed.data
  return {
    port: c.PORT,
    host: c.HOST,
    voice: c.SPARSEWAVE_VOICE,
    workers: c.SPARSEWAVE_WORKERS ?? availableParallelism(),
    streamsPerWorker: c.SPARSEWAVE_STREAMS_PER_WORKER,
    queue: c.SPARSEWAVE_QUEUE,
    wsConnections: c.SPARSEWAVE_WS_CONNECTIONS,
    wsIdleSeconds: c.SPARSEWAVE_WS_IDLE_SECONDS,
    requestSeconds: c.SPARSEWAVE_REQUEST_SECONDS,
    drainSeconds: c.SPARSEWAVE_DRAIN_SECONDS,
  }
}
