/** A server on a free port with in-process workers over a stand-in synthesizer. */
import type { Logger } from 'pino'
import { type Config, readConfig } from '../../server/config.ts'
import { type RunningServer, startServer } from '../../server/start.ts'
import type { VoiceCatalogue } from '../../server/voices.ts'
import type { HttpExtension } from '../../src/extension.ts'
import { type InProcessWorker, inProcessWorker } from './in-process-worker.ts'
import { type StandIn, standIn } from './stand-in.ts'

export interface TestServer extends RunningServer {
  readonly url: string
  readonly standIn: StandIn
  /** Every worker started so far. */
  readonly workers: readonly InProcessWorker[]
}

/** No proxy looks at a test's readiness, so stopping waits for none. */
const ENVIRONMENT = { PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '1', SPARSEWAVE_LEAVE_SECONDS: '0' }

export async function testServer(
  options: {
    config?: Partial<Config>
    standIn?: StandIn
    logger?: Logger
    catalogue?: VoiceCatalogue
    extension?: HttpExtension
  } = {},
): Promise<TestServer> {
  const speaker = options.standIn ?? standIn()
  const workers: InProcessWorker[] = []
  const running = await startServer({
    config: { ...readConfig(ENVIRONMENT), ...options.config },
    ...(options.logger && { logger: options.logger }),
    ...(options.extension && { extension: options.extension }),
    catalogue: options.catalogue ?? {
      voices: [{ name: 'stand-in', language: 'en-US', description: 'Noise.', aliases: ['noise'] }],
      defaultVoice: 'stand-in',
    },
    spawn() {
      const worker = inProcessWorker(async () => speaker.synthesizer)
      workers.push(worker)
      return worker
    },
  })
  return { ...running, url: `http://127.0.0.1:${running.port}`, standIn: speaker, workers }
}

/** Resolves when `condition` holds, looking again as events pass; the test's time-out is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
