/**
 * The page's voice in the browser itself, in a real Chromium with the built files and the voice `tiny`: the server gives files, but is
 * asked for no speech.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readConfig } from '../server/config.ts'
import { type RunningServer, startServer } from '../server/start.ts'
import { spawnWorker } from '../server/synthesis/spawn.ts'
import { toPcm16 } from '../src/audio/pcm.ts'
import { provideOnnxRuntime } from '../src/onnx/runtime.browser.ts'
import { openSynthesizer } from '../src/synthesis/open.ts'
import { loadVoice } from '../src/voices/index.ts'
import { chromium } from './support/chromium.ts'

// In this process nets run as in browsers. The server's thread has onnxruntime-node.
vi.mock('../src/onnx/runtime.ts', () => import('../src/onnx/runtime.browser.ts'))

const KEY = 'sk-a-key-for-this-test'
const TEXT = 'Seven boats, two dogs and $4.50. Is that all?'
const SEED = '7'

describe.skipIf(!chromium)('in this browser (skipped where Chromium is not installed)', () => {
  let server: RunningServer
  let origin: string
  let browser: Browser
  beforeAll(async () => {
    const { chromium: launcher } = await import('playwright-core')
    // Without native code, whose rounding is another, everywhere: also in the server's thread.
    vi.stubEnv('SPARSEWAVE_KERNEL', 'wasm')
    const env = { PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '1', SPARSEWAVE_API_KEYS: KEY }
    server = await startServer({
      config: readConfig(env),
      catalogue: { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' },
      spawn: () => spawnWorker({ voice: 'tiny' }),
    })
    origin = `http://localhost:${server.port}`
    browser = await launcher.launch({
      executablePath: chromium!,
      args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
    })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    vi.unstubAllEnvs()
  })

  interface Visit {
    readonly page: Page
    readonly asked: string[]
    readonly faults: string[]
  }

  /** A page with the key given, on which the server's speech is out of reach. */
  async function visit(context: BrowserContext): Promise<Visit> {
    const page = await context.newPage()
    const asked: string[] = []
    const faults: string[] = []
    context.on('request', (request) => asked.push(request.url()))
    page.on('pageerror', (error) => faults.push(error.message))
    for (const route of ['**/v1/audio/speech**', '**/v1/audio/stream**']) await context.route(route, (r) => r.abort())
    await page.goto(origin)
    await page.fill('#key', KEY)
    await page.dispatchEvent('#key', 'change')
    await page.waitForSelector('.voice', { state: 'attached' })
    return { page, asked, faults }
  }

  async function speak({ page }: Visit, vocoder = ''): Promise<void> {
    await page.fill('#text', TEXT)
    await page.fill('#seed', SEED)
    await page.selectOption('#vocoder', vocoder)
    await page.check('[value=browser]')
    await page.click('#speak')
    await page
      .locator('#status')
      .filter({ hasText: `Done. Seed ${SEED}.` })
      .waitFor({ timeout: 90_000 })
  }

  /** The samples that the page offers to save. */
  async function saved({ page }: Visit): Promise<Int16Array> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
    const wav = readFileSync(await download.path())
    return new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length))
  }

  async function fromServer(vocoder: string): Promise<Int16Array> {
    const answer = await fetch(`${origin}/v1/audio/speech`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ input: TEXT, seed: Number(SEED), vocoder, response_format: 'pcm' }),
    })
    expect(answer.status).toBe(200)
    return new Int16Array(await answer.arrayBuffer())
  }

  /** The same speech by Node with a browser's parts. */
  async function withTheSameParts(): Promise<Int16Array> {
    const wasm = fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
    provideOnnxRuntime(async () => new Uint8Array(readFileSync(wasm)))
    const voice = await loadVoice('tiny')
    const model = async (name: string) => ({ name, bytes: await voice.read(name) })
    const synthesizer = await openSynthesizer({ ...voice, model }, { vocoder: 'source-filter' })
    const pieces: Int16Array[] = []
    for await (const { samples } of synthesizer.stream(TEXT, { seed: Number(SEED), vocoder: 'source-filter' }))
      pieces.push(toPcm16(samples))
    await synthesizer.close()
    return Int16Array.from(pieces.flatMap((piece) => [...piece]))
  }

  const power = (a: Int16Array): number => a.reduce((sum, v) => sum + v * v, 0) / a.length

  /** Largest difference between two renderings of one length, of 32767. */
  function apart(a: Int16Array, b: Int16Array): number {
    expect(a.length).toBe(b.length)
    expect(power(a)).toBeGreaterThan(1000)
    return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0)
  }

  test('says what the server would say, and asks it for files only, once, shown as they come', async () => {
    const context = await browser.newContext()
    const first = await visit(context)
    const { page } = first
    await page.evaluate(`(() => {
      window.told = []
      const bar = document.querySelector('#progress')
      new MutationObserver(() => told.push(bar.value / bar.max)).observe(bar, { attributes: true, attributeFilter: ['value'] })
    })()`)
    await speak(first)
    const told = await page.evaluate<number[]>('told')
    expect(told.length).toBeGreaterThan(2)
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(told.at(-1)).toBe(1)
    expect(await page.isHidden('#progress')).toBe(true)
    const here = await saved(first)
    expect(here).toEqual(await withTheSameParts())
    // Sums differ in their last bits between onnxruntime's builds.
    expect(apart(here, await fromServer('source-filter'))).toBeLessThanOrEqual(8)
    expect(first.faults).toEqual([])
    const files = (visit: Visit) => visit.asked.filter((url) => url.includes('sha256='))
    // Four of WebAssembly, three of the language, three of the voice, and the runtime that this voice's graphs need.
    expect(files(first).length).toBe(11)
    for (const url of first.asked) {
      expect(url.startsWith(origin) || url.startsWith('blob:'), url).toBe(true)
      expect(url).not.toMatch(/\/v1\/audio\/(speech|stream)/)
      expect(url).not.toContain(KEY)
    }
    await first.page.close()

    const second = await visit(context)
    await speak(second, 'sparse-wavernn')
    expect(files(second)).toEqual([])
    // A draw between two components that are about as likely falls otherwise now and then: another take of the same speech.
    const [net, theirs] = [await saved(second), await fromServer('sparse-wavernn')]
    expect(net.length).toBe(theirs.length)
    expect(power(net) / power(theirs)).toBeCloseTo(1, 1)
    expect(second.faults).toEqual([])
    await context.close()
  }, 120_000)

  test('a damaged file is refused, and fetched again next time', async () => {
    const context = await browser.newContext()
    const seen = await visit(context)
    const { page } = seen
    let damaged = true
    await context.route(/acoustic\.onnx/, async (route) => {
      const answer = await route.fetch()
      const body = await answer.body()
      if (damaged) body[body.length >> 1]! ^= 1
      await route.fulfill({ response: answer, body })
    })
    await page.check('[value=browser]')
    await page.click('#speak')
    await page.locator('#status.bad').filter({ hasText: 'does not match its checksum' }).waitFor()
    damaged = false
    await speak(seen)
    await context.close()
  }, 120_000)

  test('stops when told to', async () => {
    const context = await browser.newContext()
    const { page, faults } = await visit(context)
    await page.fill('#text', 'One boat after the other came in. '.repeat(40))
    await page.check('[value=browser]')
    await page.click('#speak')
    await page.waitForSelector('#reading mark')
    await page.click('#stop')
    const length = await page.textContent('#length')
    await page.locator('#status').filter({ hasText: 'Stopped.' }).waitFor()
    // The next text is spoken to its end by the same worker, and nothing of the old one comes in between.
    await page.fill('#text', 'Good night.')
    await page.click('#speak')
    await page.locator('#status').filter({ hasText: 'Done.' }).waitFor()
    expect(Number.parseFloat((await page.textContent('#length'))!)).toBeLessThan(Number.parseFloat(length!))
    expect(Number.parseFloat((await page.textContent('#length'))!)).toBeLessThan(4)
    expect(faults).toEqual([])
    await context.close()
  }, 120_000)

  test('a key is asked for in words, kept in the tab alone, and used for files and speech', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(origin)
    await page.locator('#status.bad').filter({ hasText: 'This server asks for an API key' }).waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('key')
    await page.fill('#key', 'sk-another')
    await page.click('#speak')
    await page.locator('#status.bad').filter({ hasText: 'does not take this API key' }).waitFor()
    await page.fill('#key', KEY)
    await page.press('#key', 'Tab')
    await page.waitForSelector('.voice', { state: 'attached' })
    await page.fill('#text', 'Good night.')
    await page.click('#speak')
    await page.locator('#status').filter({ hasText: 'Done.' }).waitFor()
    expect(page.url()).toBe(`${origin}/`)
    expect(await page.evaluate('localStorage.length')).toBe(0)
    await page.reload()
    await page.waitForSelector('.voice', { state: 'attached' })
    expect(await page.inputValue('#key')).toBe(KEY)
    const other = await context.newPage()
    await other.goto(origin)
    expect(await other.inputValue('#key')).toBe('')
    await context.close()
  }, 120_000)
})
