/** The metrics as a scraper asks for them: in Prometheus' text format, or in OpenMetrics, which has a place for exemplars. */
import type { RequestHandler } from 'express'
import { type Metric, Registry } from 'prom-client'

export interface Exposition {
  readonly type: string
  readonly body: string
}

/** `extension` answers in Prometheus' text format. */
export function exposition(
  registry: Registry,
  extension: () => Promise<string> = async () => '',
): (accept?: string) => Promise<Exposition> {
  return async (accept = '') => {
    const isOpen = /\bapplication\/openmetrics-text\b/.test(accept)
    const view = new Registry()
    if (isOpen) view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as typeof Registry.PROMETHEUS_CONTENT_TYPE)
    // prom-client renames counters as it writes OpenMetrics, so it gets objects that only stand for the metrics.
    for (const metric of registry.getMetricsAsArray()) view.registerMetric(Object.create(metric) as Metric)
    const [own, others] = [await view.metrics(), await extension()]
    const body = isOpen ? `${own.replace(END, '')}${asOpenMetrics(others)}# EOF\n` : own + others
    return { type: view.contentType, body }
  }
}

const END = /# EOF\n$/

/** Counters are named without their suffix where they are described, and no line is empty. */
function asOpenMetrics(text: string): string {
  const counters = [...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => name!)
  const named = counters.reduce((all, name) => all.replace(new RegExp(`^(# \\w+ ${name})_total `, 'gm'), '$1 '), text)
  return named.replace(/\n{2,}/g, '\n')
}

/** Answers a scrape. */
export function metricsHandler(...of: Parameters<typeof exposition>): RequestHandler {
  const scraped = exposition(...of)
  return async (req, res) => {
    const { type, body } = await scraped(req.get('Accept'))
    res.type(type).vary('Accept').send(body)
  }
}
