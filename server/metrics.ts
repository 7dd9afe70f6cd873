/** The server's Prometheus metrics: one registry an app, so that several apps can live in one process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

const LATENCY = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const STAGE = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const REAL_TIME = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 5]

/** Makes the metrics. `pool` is read at each scrape. */
export function createMetrics(pool: () => { activeStreams: number; queued: number }) {
  const registry = new Registry()
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
  gauge('tts_streams_active', 'Streams being made', () => pool().activeStreams)
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
      help: 'Time from request to last byte',
      labelNames: ['route', 'format'] as const,
      buckets: LATENCY,
      registers,
    }),
    queueWait: new Histogram({
      name: 'tts_queue_wait_seconds',
      help: 'Time a stream waited for a place on a thread',
      buckets: LATENCY,
      registers,
    }),
    firstAudio: new Histogram({
      name: 'tts_time_to_first_audio_seconds',
      help: 'Time from request, or from the text of a WebSocket turn, to the first samples',
      labelNames: ['route'] as const,
      buckets: LATENCY,
      registers,
    }),
    stage: new Histogram({
      name: 'tts_stage_duration_seconds',
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
    audioSeconds: new Counter({ name: 'tts_audio_seconds_total', help: 'Seconds of audio made', registers }),
    inputCharacters: new Counter({
      name: 'tts_input_characters_total',
      help: 'Characters of text taken in',
      registers,
    }),
    workersLost: new Counter({ name: 'tts_workers_lost_total', help: 'Synthesis threads that died', registers }),
    kernel: new Gauge({
      name: 'tts_kernel_info',
      help: '1 for the compute kernel in use',
      labelNames: ['isa'] as const,
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
