/** The server's settings, read once from the environment and checked; nothing else reads the environment. */
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { parseEnvironment, whole } from '../src/environment.ts'
import { SparsewaveError } from '../src/errors.ts'
import { parseAliases } from './aliases.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { WORKER_KINDS, type WorkerKind } from './synthesis/messages.ts'
import type { TlsFiles } from './tls.ts'

/** Values parted by commas. */
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((value) => value.trim())
      .filter((value) => value !== ''),
  )

export const configSchema = z.object({
  PORT: whole(0, 65535).default(8080).describe('port to listen on; 0 = any free one'),
  HOST: z.string().min(1).default('0.0.0.0').describe('address to listen on'),
  SPARSEWAVE_TLS_CERT: z.string().min(1).optional().describe('certificate in PEM; the server then speaks TLS alone'),
  SPARSEWAVE_TLS_KEY: z.string().min(1).optional().describe('key of the certificate in PEM'),
  SPARSEWAVE_TLS_SELF_SIGNED: z
    .enum(['0', '1'])
    .default('0')
    .describe('1 = certificate and key are made, signed by themselves, where they are missing'),
  SPARSEWAVE_VOICE: z
    .string()
    .min(1)
    .optional()
    .describe('voice used when a request names none; else the first there is'),
  SPARSEWAVE_ALIASES: z
    .string()
    .default('')
    .describe('names that mean voices, NAME=VOICE parted by commas, or a file of such lines'),
  SPARSEWAVE_WORKERS: whole(1, 1024).optional().describe('synthesis workers; one a core unless set'),
  SPARSEWAVE_WORKER_KIND: z
    .enum(WORKER_KINDS)
    .default('thread')
    .describe('thread, or process: a crash in native code then ends one worker alone'),
  SPARSEWAVE_LOAD_LIMIT: z.coerce
    .number()
    .min(0.05)
    .max(1000)
    .default(0.85)
    .describe("share of a worker's time that its streams may need to be served in real time, as measured; more wait"),
  SPARSEWAVE_STREAMS_PER_WORKER: whole(1, 4096)
    .optional()
    .describe('streams of a worker at the same time, whatever they cost; any number unless set'),
  SPARSEWAVE_QUEUE: whole(0, 65536).default(64).describe('requests that may wait for a free stream; more get 429'),
  SPARSEWAVE_QUEUE_SECONDS: whole(1, 3600)
    .default(30)
    .describe('a request that has waited so long for a free stream gets 503'),
  SPARSEWAVE_WATCHDOG_SECONDS: whole(1, 3600)
    .default(10)
    .describe('a synthesis worker that does not answer for so long is replaced'),
  SPARSEWAVE_KEY_SECONDS: whole(1, 3600)
    .default(10)
    .describe('a WebSocket whose key comes in a message is closed when it has not come after so long'),
  SPARSEWAVE_WS_CONNECTIONS: whole(1, 65536).default(256).describe('WebSocket connections open at the same time'),
  SPARSEWAVE_WS_IDLE_SECONDS: whole(1, 86400)
    .default(300)
    .describe('a WebSocket that sends nothing for so long is closed'),
  SPARSEWAVE_WS_PING_SECONDS: whole(1, 3600)
    .default(20)
    .describe('a WebSocket is pinged so often, and cut when it does not answer until the next'),
  SPARSEWAVE_REQUEST_SECONDS: whole(1, 86400).default(600).describe('longest time one request may take'),
  SPARSEWAVE_STALL_SECONDS: whole(1, 86400)
    .default(60)
    .describe('an answer of which the client takes nothing for so long is broken off'),
  SPARSEWAVE_WYOMING_PORT: whole(0, 65535)
    .optional()
    .describe('port of the Wyoming protocol (Home Assistant); none unless set, 0 = any free one'),
  SPARSEWAVE_KEYS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('file of API keys (`sparsewave keys`); read again when it changes'),
  SPARSEWAVE_API_KEYS: list.describe('API keys in plain text, parted by commas'),
  SPARSEWAVE_REQUESTS_PER_MINUTE: whole(0, 1e9)
    .default(0)
    .describe('requests a minute of a key, or of an address; 0 = any number'),
  SPARSEWAVE_CHARACTERS_PER_MINUTE: whole(0, 1e9).default(0).describe('the same for characters of text'),
  SPARSEWAVE_GIVE_VOICES: z
    .enum(['0', '1'])
    .default('1')
    .describe(
      "1 = who may speak may also fetch the voices' files, which the page's mode in the browser needs; 0 = nobody",
    ),
  SPARSEWAVE_CORS_ORIGINS: list.describe('origins whose pages may use the server, parted by commas; * = all'),
  SPARSEWAVE_TRUST_PROXY: whole(0, 16)
    .default(0)
    .describe('proxies before the server whose X-Forwarded-For is believed'),
  SPARSEWAVE_LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('silent, error, warn, info, debug'),
  SPARSEWAVE_LOG_TEXT: z.enum(['0', '1']).default('0').describe('1 = the text that is spoken is logged too'),
  SPARSEWAVE_LEAVE_SECONDS: whole(0, 3600)
    .default(5)
    .describe(
      'time from SIGTERM to the last new request, where something asks /health/ready: it answers 503 meanwhile',
    ),
  SPARSEWAVE_DRAIN_SECONDS: whole(0, 3600).default(25).describe('time that running requests then get'),
})

export interface Config {
  readonly port: number
  readonly host: string
  /** Undefined = plain HTTP. */
  readonly tls: TlsFiles | undefined
  readonly voice: string | undefined
  /** Names that mean voices, whose they are not. */
  readonly aliases: Readonly<Record<string, string>>
  readonly workers: number
  readonly workerKind: WorkerKind
  readonly loadLimit: number
  readonly streamsPerWorker: number | undefined
  readonly queue: number
  readonly queueSeconds: number
  readonly watchdogSeconds: number
  readonly keySeconds: number
  readonly wsConnections: number
  readonly wsIdleSeconds: number
  readonly wsPingSeconds: number
  readonly requestSeconds: number
  readonly stallSeconds: number
  /** Undefined = Wyoming is not spoken. */
  readonly wyomingPort: number | undefined
  readonly keysFile: string | undefined
  readonly apiKeys: readonly string[]
  readonly requestsPerMinute: number
  readonly charactersPerMinute: number
  readonly givesVoices: boolean
  readonly corsOrigins: readonly string[]
  readonly trustProxy: number
  readonly logLevel: LogLevel
  readonly logText: boolean
  readonly leaveSeconds: number
  readonly drainSeconds: number
}

/** Settings from an environment. Throws USAGE. */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const c = parseEnvironment(configSchema, env)
  return {
    port: c.PORT,
    host: c.HOST,
    tls: tlsOf(c),
    voice: c.SPARSEWAVE_VOICE,
    aliases: parseAliases(c.SPARSEWAVE_ALIASES),
    workers: c.SPARSEWAVE_WORKERS ?? availableParallelism(),
    workerKind: c.SPARSEWAVE_WORKER_KIND,
    loadLimit: c.SPARSEWAVE_LOAD_LIMIT,
    streamsPerWorker: c.SPARSEWAVE_STREAMS_PER_WORKER,
    queue: c.SPARSEWAVE_QUEUE,
    queueSeconds: c.SPARSEWAVE_QUEUE_SECONDS,
    watchdogSeconds: c.SPARSEWAVE_WATCHDOG_SECONDS,
    keySeconds: c.SPARSEWAVE_KEY_SECONDS,
    wsConnections: c.SPARSEWAVE_WS_CONNECTIONS,
    wsIdleSeconds: c.SPARSEWAVE_WS_IDLE_SECONDS,
    wsPingSeconds: c.SPARSEWAVE_WS_PING_SECONDS,
    requestSeconds: c.SPARSEWAVE_REQUEST_SECONDS,
    stallSeconds: c.SPARSEWAVE_STALL_SECONDS,
    wyomingPort: c.SPARSEWAVE_WYOMING_PORT,
    keysFile: c.SPARSEWAVE_KEYS_FILE,
    apiKeys: c.SPARSEWAVE_API_KEYS,
    requestsPerMinute: c.SPARSEWAVE_REQUESTS_PER_MINUTE,
    charactersPerMinute: c.SPARSEWAVE_CHARACTERS_PER_MINUTE,
    givesVoices: c.SPARSEWAVE_GIVE_VOICES === '1',
    corsOrigins: c.SPARSEWAVE_CORS_ORIGINS,
    trustProxy: c.SPARSEWAVE_TRUST_PROXY,
    logLevel: c.SPARSEWAVE_LOG_LEVEL,
    logText: c.SPARSEWAVE_LOG_TEXT === '1',
    leaveSeconds: c.SPARSEWAVE_LEAVE_SECONDS,
    drainSeconds: c.SPARSEWAVE_DRAIN_SECONDS,
  }
}

/** Files that are written where none is named. */
const MADE = { cert: 'sparsewave-cert.pem', key: 'sparsewave-key.pem' }

/** What TLS is spoken with. Throws USAGE when only one of the two files is named. */
export function tlsOf({
  SPARSEWAVE_TLS_CERT: cert,
  SPARSEWAVE_TLS_KEY: key,
  SPARSEWAVE_TLS_SELF_SIGNED: made,
}: Pick<z.output<typeof configSchema>, 'SPARSEWAVE_TLS_CERT' | 'SPARSEWAVE_TLS_KEY' | 'SPARSEWAVE_TLS_SELF_SIGNED'>):
  | TlsFiles
  | undefined {
  const selfSigned = made === '1'
  if (selfSigned) return { cert: cert ?? MADE.cert, key: key ?? MADE.key, selfSigned }
  if (cert !== undefined && key !== undefined) return { cert, key, selfSigned }
  if (cert === undefined && key === undefined) return undefined
  throw new SparsewaveError('USAGE', 'TLS needs a certificate and its key, and only one of them is named.', {
    remedy: 'Name both files with --tls-cert and --tls-key, or add --tls-self-signed.',
  })
}
