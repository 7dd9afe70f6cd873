// Sends the traces of a server to a collector, over OTLP: load it before the server starts.
// Run:   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 node --import ./tracing.mjs node_modules/sparsewave/bin/sparsewave.mjs serve
// Needs: npm install sparsewave @opentelemetry/api@1.9 @opentelemetry/sdk-trace-node@2 @opentelemetry/resources@2 @opentelemetry/exporter-trace-otlp-http@0.223
import { isMainThread } from 'node:worker_threads'

// Synthesis workers inherit `--import`. All spans are the server's, so they need nothing of this.
if (isMainThread && !process.connected) {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const { defaultResource, resourceFromAttributes } = await import('@opentelemetry/resources')
  const name = { 'service.name': process.env.OTEL_SERVICE_NAME ?? 'sparsewave' }
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(name)),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  })
  // Reads `traceparent` of requests, and knows which span is active.
  provider.register()
  // The last spans leave when the server has finished its streams.
  process.once('beforeExit', () => provider.shutdown())
}
