/** What the Kubernetes manifests say about the server is so. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
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

const training = join(folder, 'training')
const all = (name: string) =>
  parseAllDocuments(readFileSync(join(training, name), 'utf8')).map((document) => document.toJS())

test('training: selectors find their pods, claims and settings exist, workers are counted as KEDA is told', () => {
  const { resources, images, configMapGenerator } = parse(readFileSync(join(training, 'kustomization.yaml'), 'utf8'))
  const documents = resources.flatMap(all)
  const of = (kind: string) => documents.filter((document: { kind: string }) => document.kind === kind)
  const named = (kind: string) => of(kind).map((document: { metadata: { name: string } }) => document.metadata.name)
  const claims = [...named('PersistentVolumeClaim'), 'data']
  const pods = [...of('Deployment'), ...of('StatefulSet')]
  expect(pods).toHaveLength(3)
  for (const { spec } of pods) {
    const { metadata, spec: pod } = spec.template
    expect(spec.selector.matchLabels).toEqual(metadata.labels)
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    const [container] = pod.containers
    expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true })
    const volumes = (pod.volumes ?? []).map((volume: { name: string }) => volume.name)
    for (const mount of container.volumeMounts) expect([...volumes, 'data']).toContain(mount.name)
    for (const volume of pod.volumes ?? [])
      if (volume.persistentVolumeClaim) expect(claims).toContain(volume.persistentVolumeClaim.claimName)
    for (const { configMapRef } of container.envFrom ?? []) expect(configMapRef.name).toBe(configMapGenerator[0].name)
  }
  const [scaled] = of('ScaledObject')
  expect(named('Deployment')).toContain(scaled.spec.scaleTargetRef.name)
  const [service] = of('Service')
  expect(service.spec.selector).toEqual(of('StatefulSet')[0].spec.selector.matchLabels)
  const { name: namespace } = of('Namespace')[0].metadata
  for (const { metadata } of scaled.spec.triggers)
    expect(metadata.address).toBe(`${service.metadata.name}.${namespace}.svc:${service.spec.ports[0].port}`)
  expect(configMapGenerator[0].literals).toContain(`REDIS_URL=redis://${service.metadata.name}:6379`)
  const [worker] = of('Deployment')
  expect(worker.spec.replicas).toBeUndefined()
  expect(worker.spec.template.spec.containers[0].image).toBe(images[0].name)
})

test('training: what a worker is started with is a command that exists', () => {
  const [worker] = all('worker.yaml')
  const [node, program, ...args] = worker.spec.template.spec.containers[0].command
  expect([node, program]).toEqual(['node', '/app/node_modules/sparsewave/bin/sparsewave.mjs'])
  const command = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
  const help = spawnSync(process.execPath, [command, ...args.filter((word: string) => !word.startsWith('-')), '--help'])
  for (const flag of args.filter((word: string) => word.startsWith('-'))) expect(String(help.stdout)).toContain(flag)
})

test('training: the patch for GPUs is of the worker', () => {
  const { patches } = parse(readFileSync(join(folder, 'training-gpu/kustomization.yaml'), 'utf8'))
  const [worker] = all('worker.yaml')
  const patch = parse(patches[0].patch)
  expect(patch.metadata.name).toBe(worker.metadata.name)
  const [container] = patch.spec.template.spec.containers
  expect(container.name).toBe(worker.spec.template.spec.containers[0].name)
  expect(container.resources.limits['nvidia.com/gpu']).toBe(1)
})
