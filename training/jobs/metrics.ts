/** A training run as Prometheus sees it: what the progress bar is told, served at `/metrics` while the run goes on. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { Progress } from '../net/context.ts'

const STEP = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface TrainingMetrics {
  readonly port: number
  report(progress: Progress): void
  stop(): Promise<void>
}

/**
 * Serves a run's metrics on `port` (0 = any free one). Throws USAGE when the port cannot be listened on.
 *
 * @param now a clock in milliseconds
 */
export async function serveTrainingMetrics(
  port: number,
  { host = '0.0.0.0', now = () => performance.now() }: { host?: string; now?: () => number } = {},
): Promise<TrainingMetrics> {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const step = new Gauge({ name: 'train_step', help: 'Updates done', registers })
  const steps = new Gauge({ name: 'train_steps', help: 'Updates that the job asks for', registers })
  const loss = new Gauge({
    name: 'train_loss',
    help: "The task's loss; split: train (smoothed) or validation",
    labelNames: ['split'] as const,
    registers,
  })
  const sparsity = new Gauge({
    name: 'train_sparsity_ratio',
    help: "Share of the masked matrices' blocks that the net goes without",
    registers,
  })
  const duration = new Histogram({
    name: 'train_step_duration_seconds',
    help: 'Time from one update to the next',
    buckets: STEP,
    registers,
  })
  const speed = new Gauge({
    name: 'train_audio_seconds_per_second',
    help: 'Seconds of audio trained on a second, since the start of the process',
    registers,
  })
  let last: { done: number; at: number } | undefined

  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') response.writeHead(404).end()
    else response.setHeader('Content-Type', registry.contentType).end(await registry.metrics())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SparsewaveError('USAGE', `The port ${port} for metrics cannot be used (${cause.message}).`, {
          cause,
          remedy: 'Choose another --metrics-port.',
        }),
      ),
    )
    server.listen(port, host, resolve)
  })
  // A run ends when its work does, whoever still asks for numbers.
  server.unref()

  return {
    port: (server.address() as AddressInfo).port,
    report(p) {
      if (p.stage === 'validation') {
        if (p.loss !== undefined) loss.set({ split: 'validation' }, p.loss)
        // The time that validating took is not the next update's.
        last = undefined
        return
      }
      if (p.stage !== 'train') return
      const at = now()
      if (last && p.done > last.done) duration.observe((at - last.at) / 1000 / (p.done - last.done))
      last = { done: p.done, at }
      step.set(p.done)
      steps.set(p.total)
      if (p.loss !== undefined) loss.set({ split: 'train' }, p.loss)
      if (p.sparsity !== undefined) sparsity.set(p.sparsity)
      if (p.audioPerSecond !== undefined) speed.set(p.audioPerSecond)
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
