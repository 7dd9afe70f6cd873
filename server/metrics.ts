/** The server's Prometheus metrics: one registry an app, so that several apps can live in one process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

const LATENCY = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const STAGE = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const UNDERRUN = [0, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const BATCH = [1, 2, 3, 4, 5, 6, 8, 12, 16]
const REAL_TIME = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 5]

interface PoolState {
  readonly activeStreams: number
  readonly queued: number
  readonly busy: number
  readonly cost: number | undefined
  readonly capacity: number | undefined
  readonly budget?: { readonly held: number }
}

/** Makes the metrics. `pool` and `log`, the count of dropped lines, are read at each scrape. */
export function createMetrics(pool: () => PoolState, log: () => number = () => 0) {
  const registry = new Registry()
  // Exemplars are refused by registries of any other type. exposition.ts writes both.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as typeof Registry.PROMETHEUS_CONTENT_TYPE)
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('tts_queue_depth', 'Requests that wait for a free stream', () => pool().queued)
  gauge('tts_streams_active', 'Streams being synthesized', () => pool().activeStreams)
  gauge(
    'tts_streams_capacity',
    'Streams that can be served in real time at their present cost',
    () => pool().capacity ?? 0,
  )
  gauge('tts_text_waiting_characters', 'Characters of text that wait to be spoken', () => pool().budget?.held ?? 0)
  gauge('tts_log_lines_dropped_total', 'Log lines dropped because their reader was too slow', log)
  gauge('tts_workers_busy_ratio', 'Mean share of their time in which the synthesis workers are busy', () => pool().busy)
  gauge('tts_stream_cost_ratio', 'Worker seconds of a second of audio, smoothed', () => pool().cost ?? 0)
  return {
    registry,
    requests: new Counter({
      name: 'tts_requests_total',
      help: 'Speech requests by outcome: ok, client_error, server_error, busy, cancelled',
      labelNames: ['route', 'model', 'format', 'outcome'] as const,
      registers,
    }),
    duration: new Histogram({
      name: 'tts_request_duration_seconds',
      enableExemplars: true,
      help: 'Time from request to last byte',
      labelNames: ['route', 'format'] as const,
      buckets: LATENCY,
      registers,
    }),
    queueWait: new Histogram({
      name: 'tts_queue_wait_seconds',
      enableExemplars: true,
      help: 'Time a stream waited for a slot on a worker',
      buckets: LATENCY,
      registers,
    }),
    firstAudio: new Histogram({
      name: 'tts_time_to_first_audio_seconds',
      enableExemplars: true,
      help: 'Time from request, or from the text of a WebSocket turn, to the first samples',
      labelNames: ['route'] as const,
      buckets: LATENCY,
      registers,
    }),
    stage: new Histogram({
      name: 'tts_stage_duration_seconds',
      enableExemplars: true,
      help: 'Time a sentence spent in a stage',
      labelNames: ['stage'] as const,
      buckets: STAGE,
      registers,
    }),
    realTimeFactor: new Histogram({
      name: 'tts_real_time_factor',
      help: 'Seconds a request took per second of audio it gave',
      labelNames: ['route'] as const,
      buckets: REAL_TIME,
      registers,
    }),
    underrun: new Histogram({
      name: 'tts_underrun_seconds',
      help: 'Seconds by which the audio of a stream came too late for a real-time listener; its bucket 0 counts those never late',
      buckets: UNDERRUN,
      registers,
    }),
    batchSize: new Histogram({
      name: 'tts_batch_size',
      help: 'Streams in the batch that a piece of audio was synthesized in',
      buckets: BATCH,
      registers,
    }),
    audioSeconds: new Counter({ name: 'tts_audio_seconds_total', help: 'Seconds of audio synthesized', registers }),
    inputCharacters: new Counter({
      name: 'tts_input_characters_total',
      help: 'Characters of text taken in',
      registers,
    }),
    workersLost: new Counter({ name: 'tts_workers_lost_total', help: 'Synthesis workers that died', registers }),
    refused: new Counter({
      name: 'tts_refused_total',
      help: 'Requests, handshakes, messages and connections that were turned away, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    kernel: new Gauge({
      name: 'tts_kernel_info',
      help: '1 for the compute kernel and the precision in use, and the share of zero weights of the default voice',
      labelNames: ['isa', 'precision', 'sparsity'] as const,
      registers,
    }),
    engine: new Gauge({
      name: 'tts_engine_info',
      help: '1 for what computes (kernel, layers of the acoustic and the conditioning net) and why the kernel was chosen',
      labelNames: ['kernel', 'layers', 'why'] as const,
      registers,
    }),
    wsConnections: new Gauge({ name: 'ws_connections', help: 'Open WebSocket connections', registers }),
    wsBuffered: new Gauge({
      name: 'ws_buffered_bytes',
      help: 'Bytes that wait in WebSocket send buffers',
      registers,
    }),
  }
}

/** Outcome label of a failed request. */
export const outcomeOf = (status: number): string =>
  status === 429 ? 'busy' : status >= 500 ? 'server_error' : 'client_error'
