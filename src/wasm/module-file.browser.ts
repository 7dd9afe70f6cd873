/** Compiled WebAssembly modules in a browser: those whose contents were given. */

const modules = new Map<string, WebAssembly.Module>()

/** Gives the contents of a module's two builds, with relaxed SIMD first. The first that the browser accepts is used. */
export function provideModule(name: 'vocoder' | 'layers', builds: readonly Uint8Array[]): void {
  const bytes = builds.find((build) => WebAssembly.validate(build))
  if (bytes) modules.set(name, new WebAssembly.Module(bytes))
}

export const wasmModule = (name: 'vocoder' | 'layers'): WebAssembly.Module | undefined => modules.get(name)
