/**
 * Finds a TensorFlow.js to train dense nets with: the native binding where `sparsewave setup` built it, else WebAssembly for those
 * who can do without gradients of convolutions, else plain JavaScript, which gives the same results slowly. The rest of the
 * trainer sees one API.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import util from 'node:util'
import { SparsewaveError } from 'sparsewave/internal/errors'

export type Tf = typeof import('@tensorflow/tfjs')

export interface Tfjs {
  readonly tf: Tf
  /** `tensorflow` (native), `wasm` or `cpu` (JavaScript). */
  readonly backend: string
}

export interface TfjsOptions {
  /** `auto` (default) takes the native binding where it is set up; the others insist on one. */
  readonly backend?: 'auto' | 'native' | 'wasm' | 'cpu'
  /** Whether `auto` may take WebAssembly, which has no gradient of a convolution's filter (default false). */
  readonly wasm?: boolean
  /** Threads of the native binding; only the first call of a process can set it. Default: TensorFlow's own choice. */
  readonly threads?: number
}

/** Loads TensorFlow.js. Throws ENGINE_UNAVAILABLE when `native` or `wasm` is asked for and not there. */
export async function loadTfjs({ backend = 'auto', wasm = false, threads }: TfjsOptions = {}): Promise<Tfjs> {
  if (backend === 'auto' || backend === 'native') {
    const native = loadNative(threads)
    if (native) return { tf: native, backend: native.getBackend() }
    if (backend === 'native')
      throw new SparsewaveError('ENGINE_UNAVAILABLE', 'The native TensorFlow binding is not set up.', {
        remedy: 'Run `npx sparsewave setup`.',
      })
  }
  const tf = await import('@tensorflow/tfjs')
  // Production mode leaves out the advice to install tfjs-node.
  tf.enableProdMode()
  if ((backend === 'wasm' || (backend === 'auto' && wasm)) && (await setWasm(tf))) return { tf, backend: 'wasm' }
  if (backend === 'wasm')
    throw new SparsewaveError('ENGINE_UNAVAILABLE', 'TensorFlow.js has no WebAssembly backend here.', {
      remedy: 'Run `npm install --no-save @tensorflow/tfjs-backend-wasm@4.22.0`.',
    })
  await tf.setBackend('cpu')
  return { tf, backend: 'cpu' }
}

/** Whether the backend, a package of its own, is there and starts. */
async function setWasm(tf: Tf): Promise<boolean> {
  // A name the compiler cannot follow: the package may be absent.
  const name: string = '@tensorflow/tfjs-backend-wasm'
  try {
    await import(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return false
  }
  return tf.setBackend('wasm')
}

/** Whether the native binding is set up. Loads nothing. */
export const isTensorflowSetUp = (): boolean => findBinding() !== undefined

/** What `doctor` says: the binding that would be loaded. Loads nothing. */
export function describeTfjs(): string {
  const found = findBinding()
  return found
    ? `${found.name} in ${found.place}`
    : 'WebAssembly where it is installed, or plain JavaScript, slow: for checks; `npx sparsewave setup` makes it native'
}

const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']

function findBinding(): { readonly name: string; readonly place: string } | undefined {
  const place = tensorflowFolder()
  const name = place && PACKAGES.find((name) => existsSync(path.join(place, 'node_modules', name)))
  return name ? { name, place } : undefined
}

function loadNative(threads: number | undefined): Tf | undefined {
  const place = tensorflowFolder()
  if (!place) return undefined
  // Node 23 took away a function that tfjs-node calls.
  const legacy = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean }
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined
  if (threads !== undefined) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads)
    process.env.TF_NUM_INTEROP_THREADS = String(threads)
    process.env.OMP_NUM_THREADS = String(threads)
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  const require = createRequire(path.join(place, 'package.json'))
  for (const name of PACKAGES) {
    try {
      const tf = require(name) as Tf
      tf.enableProdMode()
      return tf
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}

/** SPARSEWAVE_TENSORFLOW, or runs/tensorflow of the working folder or of one above this file. Undefined when nothing is set up there. */
function tensorflowFolder(): string | undefined {
  const own = process.env.SPARSEWAVE_TENSORFLOW
  if (own) return existsSync(path.join(own, 'package.json')) ? own : undefined
  const isSetUp = (place: string) => existsSync(path.join(place, 'package.json'))
  const here = path.resolve('runs/tensorflow')
  if (isSetUp(here)) return here
  let dir = path.dirname(fileURLToPath(import.meta.url))
  while (dir !== path.dirname(dir)) {
    const place = path.join(dir, 'runs', 'tensorflow')
    if (isSetUp(place)) return place
    dir = path.dirname(dir)
  }
  return undefined
}
