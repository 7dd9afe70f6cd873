/**
 * A real Prometheus (Debian's package) scrapes a server under load and a training run's metrics; every expression of the
 * dashboards and of the alert rules must then have an answer, so that no panel stays empty for a slip in a name.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { parse } from 'yaml'
import { SparsewaveError } from '../src/errors.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { serveTrainingMetrics, type TrainingMetrics } from '../training/jobs/metrics.ts'
import type { QueuedJob } from '../training/queue/queue.ts'
import { createServiceMetrics } from '../training/service/metrics.ts'
import { standIn } from './support/stand-in.ts'
import { type TestServer, testServer } from './support/test-server.ts'

const DEPLOY = join(PACKAGE_ROOT, 'deploy')
const RULES = join(DEPLOY, 'prometheus', 'rules.yml')
const has = (program: string) => spawnSync(program, ['--version']).status === 0
const installed = has('prometheus') && has('promtool')

/** The trace of every request of this test. */
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

interface Expression {
  readonly from: string
  readonly expr: string
}

const dashboards = readdirSync(join(DEPLOY, 'grafana', 'dashboards')).map((name) => ({
  name,
  ...JSON.parse(readFileSync(join(DEPLOY, 'grafana', 'dashboards', name), 'utf8')),
}))

function panelExpressions(): Expression[] {
  return dashboards.flatMap(({ name, panels }) =>
    panels.flatMap((panel: { title: string; targets: { expr: string }[] }) =>
      // What Grafana puts there, small enough for a test.
      panel.targets.map(({ expr }) => ({
        from: `${name}: ${panel.title}`,
        expr: expr.replaceAll('$__rate_interval', '1m'),
      })),
    ),
  )
}

/** What alerts look at: with `bool` a comparison answers 0 or 1 instead of nothing. */
function alertExpressions(): Expression[] {
  const { groups } = parse(readFileSync(RULES, 'utf8'))
  return groups.flatMap(({ rules }: { rules: { alert: string; expr: string }[] }) =>
    rules.map(({ alert, expr }) => ({ from: alert, expr: expr.replace(/ (>|<|==) (?=[\d.])/, ' $1 bool ') })),
  )
}

test('the data source that panels ask for is the one that is provisioned', () => {
  const file = join(DEPLOY, 'grafana', 'provisioning', 'datasources', 'prometheus.yml')
  const { uid } = parse(readFileSync(file, 'utf8')).datasources[0]
  const asked = dashboards.flatMap(({ panels }) => panels.map((p: { datasource: { uid: string } }) => p.datasource.uid))
  expect(new Set(asked)).toEqual(new Set([uid]))
  expect(dashboards.map(({ uid }) => uid)).toEqual(['sparsewave-serving', 'sparsewave-training'])
})

describe.skipIf(!installed)('with Prometheus (skipped where the package is not installed)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'prometheus-'))
  let prometheus: ChildProcess | undefined
  let at: TestServer
  let training: TrainingMetrics
  let service: Server
  let url: string
  let log = ''

  beforeAll(async () => {
    let fail = false
    const speaker = standIn({
      parts: {
        phonemize(text) {
          if (fail) throw new SparsewaveError('SYNTHESIS_FAILED', 'Made up.')
          return { phonemes: text.replace(/[^\p{L} ]/gu, ''), words: [] }
        },
      },
    })
    at = await testServer({ config: { streamsPerWorker: 1, queue: 1 }, standIn: speaker })
    training = await serveTrainingMetrics(0, { host: '127.0.0.1' })
    let update = 0
    const train = () => {
      training.report({ stage: 'train', done: ++update, total: 1e6, loss: 20, sparsity: 0.9, audioPerSecond: 8 })
      if (update % 5 === 0) training.report({ stage: 'validation', done: update, total: 1e6, loss: 21 })
    }
    const speak = async (input: string) =>
      (
        await fetch(`${at.url}/v1/audio/speech`, {
          method: 'POST',
          headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
          body: JSON.stringify({ input, response_format: 'pcm' }),
        })
      ).arrayBuffer()
    /** Some of everything that the metrics count: spoken, turned away, failed; a thread dies. */
    const load = async (): Promise<void> => {
      train()
      train()
      await Promise.all(['One.', 'Two.', 'Three.', 'Four.'].map(speak))
      fail = true
      await speak('Fails.')
      fail = false
    }
    const logged = join(dir, 'log.jsonl')
    const line = (event: string) => JSON.stringify({ time: new Date().toISOString(), event, update: 7, loss: 20 })
    writeFileSync(logged, `${['train', 'validation', 'diverged'].map(line).join('\n')}\n`)
    const entry = { state: 'running', progress: 0.5, added: new Date().toISOString() } as QueuedJob
    const metrics = createServiceMetrics({
      jobs: async () => [{ id: 'job-1', kind: 'vocoder', folder: dir, log: logged, entry }],
      disk: () => ({ used: 1e9, free: 9e10 }),
    })
    service = createHttpServer(async (_request, response) => {
      response.setHeader('Content-Type', 'text/plain; version=0.0.4').end(await metrics())
    })
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
    const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`)
    await once(socket, 'open')
    at.workers.at(-1)!.crash()

    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const target = (job: string, port: number) => ({
      job_name: job,
      static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    })
    const config = {
      global: { scrape_interval: '250ms', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [
        target('sparsewave', at.port),
        target('sparsewave-training', training.port),
        target('sparsewave-jobs', (service.address() as AddressInfo).port),
      ],
    }
    writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config))
    const args = [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ]
    prometheus = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    prometheus.stderr!.on('data', (data) => {
      log += data
    })
    // Load goes on until all targets were scraped three times, which is what rates need.
    const scrapes = 'min(count_over_time(up{job=~"sparsewave.*"}[1m])) >= 3 and on() count(up) == 3'
    do {
      if (prometheus.exitCode !== null) throw new Error(`Prometheus ended: ${log}`)
      await load()
    } while ((await ask(scrapes).catch(() => [])).length === 0)
    socket.close()
  }, 60_000)

  afterAll(async () => {
    if (prometheus && prometheus.exitCode === null) {
      prometheus.kill('SIGKILL')
      await once(prometheus, 'exit')
    }
    await training?.stop()
    service?.close()
    await at?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  async function ask(query: string): Promise<{ value: [number, string] }[]> {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`)
    const { status, data, error } = (await response.json()) as {
      status: string
      data: { result: never[] }
      error?: string
    }
    if (status !== 'success') throw new Error(`${query}: ${error}`)
    return data.result
  }

  test('every panel and every alert has numbers', async () => {
    const expressions = [...panelExpressions(), ...alertExpressions()]
    expect(expressions.length).toBeGreaterThan(40)
    const empty: string[] = []
    for (const { from, expr } of expressions) {
      const values = (await ask(expr)).map(({ value }) => Number(value[1]))
      if (!values.some((value) => Number.isFinite(value))) empty.push(`${from}: ${expr} gives [${values}]`)
    }
    expect(empty).toEqual([])
  })

  test('latencies lead to a trace', async () => {
    const range = { start: String(Date.now() / 1000 - 600), end: String(Date.now() / 1000 + 60) }
    const query = 'tts_time_to_first_audio_seconds_bucket'
    const response = await fetch(`${url}/api/v1/query_exemplars?${new URLSearchParams({ query, ...range })}`)
    const { data } = (await response.json()) as { data: { exemplars: { labels: Record<string, string> }[] }[] }
    const labels = data.flatMap(({ exemplars }) => exemplars.map((exemplar) => exemplar.labels))
    expect(labels.length).toBeGreaterThan(0)
    for (const label of labels) expect(label).toEqual({ trace_id: TRACE })
  })

  test('Prometheus has loaded the rules and finds no fault', async () => {
    const { data } = (await (await fetch(`${url}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { health: string }[] }[] }
    }
    const rules = data.groups.flatMap((group) => group.rules)
    expect(rules).toHaveLength(alertExpressions().length)
    expect(rules.filter((rule) => rule.health === 'err')).toEqual([])
  })

  test('promtool accepts configuration and rules, and its tests make each alert fire', () => {
    const promtool = (...args: string[]) => execFileSync('promtool', args, { cwd: DEPLOY, encoding: 'utf8' })
    expect(promtool('check', 'config', 'prometheus/prometheus.yml')).toContain('SUCCESS')
    const tests = join('prometheus', 'rules.test.yml')
    expect(promtool('test', 'rules', tests)).toContain('SUCCESS')
    const tested = readFileSync(join(DEPLOY, tests), 'utf8')
    for (const { from } of alertExpressions()) expect(tested).toContain(`alertname: ${from},`)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
