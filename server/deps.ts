/** What the routes and the WebSockets of one server share. */
import type { Logger } from 'pino'
import type { Gate } from './access/gate.ts'
import type { Config } from './config.ts'
import type { Metrics } from './metrics.ts'
import type { SynthesisPool } from './synthesis/pool.ts'
import type { VoiceCatalogue } from './voices.ts'

export interface ServerDeps {
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly catalogue: VoiceCatalogue
  readonly gate: Gate
  readonly logger: Logger
  readonly config: Config
  /** When /health/ready was asked last, ms. */
  probedAt?: number
}
