/**
 * Traces, by OpenTelemetry's API alone: spans of requests, of their speeches, and of what workers do for these. Without an
 * SDK in the process nothing is recorded, workers report no times, and the caller's trace id still reaches log and metrics.
 */
import type { IncomingHttpHeaders } from 'node:http'
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type { RequestHandler, Response } from 'express'
import type { Stage } from '../src/synthesis/index.ts'
import { packageVersion } from '../src/version.ts'
import { type Batch, wallTime } from './synthesis/messages.ts'

const tracer = trace.getTracer('sparsewave', packageVersion())

/** Spans of one speech; later ones are counted in its attribute `tts.spans_left_out`. */
const MAX_SPANS = 200

/** Labels of an exemplar; empty = none. */
export type Exemplar = Readonly<Record<string, string>>

/** The context of headers that W3C Trace Context defines, read without an SDK. */
function contextOf(headers: IncomingHttpHeaders): Context {
  const [, traceId, spanId, flags] =
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
      String(headers.traceparent ?? ''),
    ) ?? []
  if (!traceId || !spanId) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags!, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** What a request belongs to: the span of the program that we are mounted in, else the caller's. */
function parentOf(headers: IncomingHttpHeaders): Context {
  const active = context.active()
  if (trace.getSpanContext(active)) return active
  const extracted = propagation.extract(ROOT_CONTEXT, headers)
  return trace.getSpanContext(extracted) ? extracted : contextOf(headers)
}

/** A span that others may stand below, with what log and metrics say of it. */
export class Traced {
  readonly span: Span
  readonly context: Context
  #ended = false

  constructor(name: string, kind: SpanKind, attributes: Attributes, parent: Context, startTime = wallTime()) {
    this.span = tracer.startSpan(name, { kind, attributes, startTime }, parent)
    this.context = trace.setSpan(parent, this.span)
  }

  get #spanContext(): SpanContext | undefined {
    const spanContext = this.span.spanContext()
    return trace.isSpanContextValid(spanContext) ? spanContext : undefined
  }

  /** Field of lines in the log. */
  get logged(): { trace?: string } {
    const { traceId } = this.#spanContext ?? {}
    return traceId ? { trace: traceId } : {}
  }

  /** Only traces that are kept are worth a look from a dashboard. */
  get exemplar(): Exemplar {
    const { traceId, traceFlags = 0 } = this.#spanContext ?? {}
    return traceId && traceFlags & TraceFlags.SAMPLED ? { trace_id: traceId } : {}
  }

  /** Ends the span; once is enough. */
  end(isError = false): void {
    if (this.#ended) return
    this.#ended = true
    if (isError) this.span.setStatus({ code: SpanStatusCode.ERROR })
    this.span.end(wallTime())
  }
}

/** The span of an HTTP request or of a WebSocket's handshake. */
export const traceRequest = (method: string, headers: IncomingHttpHeaders): Traced =>
  new Traced(method, SpanKind.SERVER, { 'http.request.method': method }, parentOf(headers))

/** Ends it. `route` is a pattern of ours, never a path as the client wrote it. */
export function endRequest(traced: Traced, method: string, route: string | undefined, status: number): void {
  const { span } = traced
  if (span.isRecording()) {
    if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
    span.setAttribute('http.response.status_code', status)
  }
  traced.end(status >= 500)
}

/** Probes and scrapes come every few seconds and tell nothing. */
export const isProbe = (path: string): boolean => /^\/(?:health\/|metrics$)/.test(path)

/** Opens the span of each request, which is then the active one. */
export const traceRequests: RequestHandler = (req, res, next) => {
  if (isProbe(req.path)) return next()
  const traced = traceRequest(req.method, req.headers)
  res.locals.traced = traced
  res.once('close', () => {
    const route = typeof req.route?.path === 'string' ? req.baseUrl + req.route.path : undefined
    endRequest(traced, req.method, route, res.headersSent ? res.statusCode : 499)
  })
  context.with(traced.context, next)
}

/** The span of a request, where it has one. */
export const tracedOf = (res: Response): Traced | undefined => res.locals.traced

/** The trace of one speech: it waits, then a worker reports what it does. */
export class SpeechTrace extends Traced {
  readonly isRecording: boolean
  #waitsSince = wallTime()
  #spans = 0
  #leftOut = 0

  constructor(parent: Traced | undefined, attributes: () => Attributes, startTime?: number) {
    super('speech', SpanKind.INTERNAL, {}, parent?.context ?? context.active(), startTime)
    this.isRecording = this.span.isRecording()
    if (this.isRecording) this.span.setAttributes(attributes())
  }

  /** It waits for a worker, once more where the first one died. */
  waits(): void {
    this.#waitsSince = wallTime()
    this.span.addEvent('worker lost', this.#waitsSince)
  }

  /** A worker has it. */
  assigned(): void {
    this.#add('queue', this.#waitsSince, wallTime())
  }

  /** A stage of a sentence ended at `end`. Only stages in one piece have times that a span could show. */
  stage(stage: Stage, seconds: number, end: number): void {
    if (stage === 'text' || stage === 'acoustic') this.#add(stage, end - seconds * 1000, end)
  }

  batches(batches: readonly Batch[]): void {
    for (const { start, end, streams } of batches) this.#add('batch', start, end, { 'tts.batch.streams': streams })
  }

  firstAudio(): void {
    this.span.addEvent('first audio', wallTime())
  }

  settle(outcome: string, attributes: () => Attributes): void {
    if (this.isRecording) {
      this.span.setAttributes({ 'tts.outcome': outcome, ...attributes() })
      if (this.#leftOut > 0) this.span.setAttribute('tts.spans_left_out', this.#leftOut)
    }
    this.end(outcome === 'server_error')
  }

  #add(name: string, startTime: number, end: number, attributes: Attributes = {}): void {
    if (!this.isRecording) return
    if (this.#spans === MAX_SPANS) {
      this.#leftOut++
      return
    }
    this.#spans++
    tracer.startSpan(name, { startTime, attributes }, this.context).end(end)
  }
}
