/** The WebAssembly kernel in a real Chromium: the built files, as any page could load them, make the samples that Node makes. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Precision } from '../src/kernels/index.ts'
import { createWasmKernel } from '../src/kernels/wasm.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { netConfigSchema } from '../src/vocoder/sparse-wavernn/config.ts'
import { randomFrameBlocks, randomWeights } from '../src/vocoder/sparse-wavernn/random-weights.ts'
import { chromium } from './support/chromium.ts'

const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html',
}
const PAGE = '<!doctype html><script type="importmap">{"imports": {"zod": "/node_modules/zod/index.js"}}</script>'
const FRAMES = 4
const config = netConfigSchema.parse({ hidden: 64, headHidden: 16 })

/** Samples of the module in `file`, in Node. */
function expected(file: string, precision: Precision): number[] {
  const bytes = readFileSync(join(PACKAGE_ROOT, 'build/wasm', file)) as Uint8Array
  const model = createWasmKernel(new WebAssembly.Module(bytes)).createModel(randomWeights(config, 5), { precision })
  const out = new Float32Array(FRAMES * 120)
  model.open(1).generate(randomFrameBlocks(config, FRAMES, 6), 0, FRAMES, out, 0)
  return [...out]
}

describe.skipIf(!chromium)('in Chromium (skipped where it is not installed)', () => {
  let browser: Browser
  let files: Server
  let url: string
  beforeAll(async () => {
    const { chromium: launcher } = await import('playwright-core')
    browser = await launcher.launch({ executablePath: chromium!, args: ['--no-sandbox'] })
    files = createServer((req, res) => {
      const path = join(PACKAGE_ROOT, normalize(req.url!))
      if (req.url === '/') res.setHeader('Content-Type', 'text/html').end(PAGE)
      else if (existsSync(path))
        res.setHeader('Content-Type', TYPES[extname(path)] ?? 'text/plain').end(readFileSync(path))
      else res.writeHead(404).end()
    })
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/`
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    files?.close()
  })

  test.each(['int16', 'f32'] as const)(
    '%s: the samples are those of Node, and relaxed SIMD runs',
    async (precision) => {
      const page = await browser.newPage()
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      await page.goto(url)
      const speak = (file: string) =>
        page.evaluate(`(async () => {
        const { createWasmKernel } = await import('/dist/src/kernels/wasm.js')
        const { netConfigSchema } = await import('/dist/src/vocoder/sparse-wavernn/config.js')
        const random = await import('/dist/src/vocoder/sparse-wavernn/random-weights.js')
        const config = netConfigSchema.parse({ hidden: 64, headHidden: 16 })
        const module = await WebAssembly.compileStreaming(fetch('/build/wasm/${file}'))
        const model = createWasmKernel(module).createModel(random.randomWeights(config, 5), { precision: '${precision}' })
        const out = new Float32Array(${FRAMES} * 120)
        model.open(1).generate(random.randomFrameBlocks(config, ${FRAMES}, 6), 0, ${FRAMES}, out, 0)
        return [...out]
      })()`) as Promise<number[]>
      const plain = await speak('vocoder.wasm')
      expect(plain).toEqual(expected('vocoder.wasm', precision))
      expect(plain.some((v) => Math.abs(v) > 1e-3)).toBe(true)
      const relaxed = await speak('vocoder-relaxed.wasm')
      // Fused sums differ in their last bits, and a draw near a boundary picks another component later on.
      for (let i = 0; i < 120; i++) expect(Math.abs(relaxed[i]! - plain[i]!)).toBeLessThan(1e-4)
      expect(faults).toEqual([])
      await page.close()
    },
    60_000,
  )
})
