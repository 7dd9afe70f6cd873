/**
 * Asks Dawn which adapters there are, in a process of its own: a broken driver ends that one only, and what Dawn says of
 * drivers that it cannot use, on standard error, can be read.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

export interface Probe {
  /** `name (backend)` of every adapter that can be used. */
  readonly adapters: readonly string[]
  /** Name of the one that an engine would take, as WebGPU describes it; undefined where there is none. */
  readonly chosen: string | undefined
  /** Why others cannot be used, a sentence each. */
  readonly refused: readonly string[]
}

/** No adapter has this name: asked for it, Dawn lists those there are. */
const NOBODY = 'adapter=none of them'

const CODE = `
const { create } = await import(process.argv[1])
const ask = async (flags) => {
  const gpu = create(flags)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  return adapter?.info
}
let listed = ''
try { await ask([${JSON.stringify(NOBODY)}]) } catch (error) { listed = error.message }
let chosen = null
try {
  const info = await ask(JSON.parse(process.argv[2]))
  if (info) chosen = [info.vendor, info.architecture, info.device, info.description].filter((part) => part).join(' ')
} catch {}
console.log(JSON.stringify({ listed, chosen }))
process.exit(0)
`

/** Throws an error whose message says why the package does not load. */
export async function probeAdapters(flags: readonly string[]): Promise<Probe> {
  const url = pathToFileURL(createRequire(import.meta.url).resolve('webgpu')).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', CODE, url, JSON.stringify(flags)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? (code === 0 ? undefined : `exit code ${code}`)))
  })
  const [output, errors, failure] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (failure !== undefined) {
    const told = errors.split('\n').find((line) => /Error/.test(line))
    throw new Error(`a process that looked for adapters ended with ${failure}${told ? `: ${told.trim()}` : ''}`)
  }
  const { listed, chosen } = JSON.parse(output) as { listed: string; chosen: string | null }
  return {
    adapters: [...listed.matchAll(/\* backend: '(.*?)', name: '(.*?)'/g)].map(
      ([, backend, name]) => `${name} (${backend})`,
    ),
    chosen: chosen ?? undefined,
    refused: readRefusals(errors),
  }
}

/** Dawn's warnings about adapters, once each, however often it says them. */
export function readRefusals(errors: string): string[] {
  const found = [...errors.matchAll(/^Warning: (.*)\n - While initializing adapter/gm)]
  return [...new Set(found.map(([, why]) => why!.trim().replace(/\.$/, '')))]
}
