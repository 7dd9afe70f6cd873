/** Compiled WebAssembly modules from build/wasm; each is compiled once a thread. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../root.ts'

const modules = new Map<string, WebAssembly.Module>()

/**
 * The module NAME; undefined when it was not built or this engine cannot run it. Of its two builds the first that the engine accepts: with
 * relaxed SIMD's multiply-add (V8 of Node 22 on), or without.
 */
export function wasmModule(name: 'vocoder' | 'layers'): WebAssembly.Module | undefined {
  for (const file of [`${name}-relaxed.wasm`, `${name}.wasm`]) {
    const path = join(PACKAGE_ROOT, 'build/wasm', file)
    if (modules.has(name) || !existsSync(path)) continue
    const bytes = readFileSync(path)
    if (WebAssembly.validate(bytes)) modules.set(name, new WebAssembly.Module(bytes))
  }
  return modules.get(name)
}
