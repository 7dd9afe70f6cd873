/** What the Kubernetes manifests say about the server is so. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { configSchema, readConfig } from '../server/config.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { testServer } from './support/test-server.ts'

const folder = join(PACKAGE_ROOT, 'deploy/k8s')
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'))
const kustomization = read('kustomization.yaml')
const deployment = read('deployment.yaml')
const pod = deployment.spec.template
const [container] = pod.spec.containers

test('every resource is there, and selectors find the pods', () => {
  for (const file of kustomization.resources) expect(existsSync(join(folder, file)), file).toBe(true)
  const { labels } = pod.metadata
  expect(deployment.spec.selector.matchLabels).toEqual(labels)
  expect(read('service.yaml').spec.selector).toEqual(labels)
  expect(read('disruption-budget.yaml').spec.selector.matchLabels).toEqual(labels)
  expect(read('autoscaler.yaml').spec.scaleTargetRef.name).toBe(deployment.metadata.name)
  expect(kustomization.images[0].name).toBe(container.image)
})

test('the settings are ones the server has, and running requests get their time', () => {
  const literals: string[] = kustomization.configMapGenerator[0].literals
  const settings = Object.fromEntries(literals.map((line) => line.split('=') as [string, string]))
  for (const name of [...Object.keys(settings), ...container.env.map((e: { name: string }) => e.name)])
    expect(Object.keys(configSchema.shape)).toContain(name)
  const { leaveSeconds, drainSeconds } = readConfig(settings)
  expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(leaveSeconds + drainSeconds + 5)
  const [{ pods }] = read('autoscaler.yaml').spec.metrics
  // Pods are added well before their workers are busy all the time.
  expect(Number(pods.target.averageValue.replace('m', '')) / 1000).toBeLessThan(0.8)
})

test('probes, the scraped path and the autoscaler’s metric are answered', async () => {
  const server = await testServer()
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
    expect((await fetch(server.url + container[probe].httpGet.path)).status).toBe(200)
  const metrics = await (await fetch(server.url + pod.metadata.annotations['prometheus.io/path'])).text()
  const [{ pods }] = read('autoscaler.yaml').spec.metrics
  const [rule] = read('adapter-rule.yaml').rules.custom
  expect(rule.name.as).toBe(pods.metric.name)
  for (const name of rule.metricsQuery.match(/\btts_\w+/g)) expect(metrics).toContain(`\n${name} `)
  await server.stop()
})

test('the server runs without rights it does not need', () => {
  expect(pod.spec.securityContext).toMatchObject({ runAsNonRoot: true })
  expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true })
  const dockerfile = readFileSync(join(PACKAGE_ROOT, 'Dockerfile'), 'utf8')
  expect(dockerfile).toMatch(/^USER 1000:1000$/m)
  expect(dockerfile).toMatch(/^HEALTHCHECK /m)
  expect(dockerfile).toContain('npm install --omit=dev')
})
