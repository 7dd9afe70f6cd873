/**
 * The web page in a real Chromium (Debian's package), as somebody uses it: with a mouse, with keys alone, on a phone. Set
 * SPARSEWAVE_SCREENSHOTS=FOLDER to look at it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromium } from './support/chromium.ts'
import { type TestServer, testServer } from './support/test-server.ts'

describe.skipIf(!chromium)('the page (skipped where Chromium is not installed)', () => {
  let server: TestServer
  let browser: Browser
  beforeAll(async () => {
    const { chromium: launcher } = await import('playwright-core')
    server = await testServer()
    browser = await launcher.launch({
      executablePath: chromium!,
      args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
    })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  /** A page and what it complained of. */
  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage(options)
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(server.url)
    await page.waitForSelector('#voice option', { state: 'attached' })
    return { page, faults }
  }

  const shot = async (page: Page, name: string): Promise<void> => {
    const folder = process.env.SPARSEWAVE_SCREENSHOTS
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  }
  const status = (page: Page, text: RegExp) => page.locator('#status').filter({ hasText: text }).waitFor()
  /** Colours in a canvas: 1 = nothing drawn. */
  const colours = (page: Page, canvas: string): Promise<number> =>
    page.evaluate(`(() => {
      const canvas = document.querySelector('${canvas}')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return new Set(new Uint32Array(data.buffer)).size
    })()`)

  test('speaks: the words are marked in turn, waveform and spectrogram drawn, the WAV is what was heard', async () => {
    const { page, faults } = await open()
    await page.fill('#text', 'Hello out there. Good night to you.')
    await page.evaluate(`(() => {
      window.marked = []
      new MutationObserver(() => {
        const word = document.querySelector('#reading mark')?.textContent
        if (word && marked.at(-1) !== word) marked.push(word)
      }).observe(document.querySelector('#reading'), { childList: true })
    })()`)
    await page.click('#speak')
    await page.waitForSelector('#reading mark')
    await status(page, /^Done\. Seed \d+\.$/)
    await shot(page, 'light')
    const marked = await page.evaluate('marked')
    expect(marked).toEqual(['Hello', 'out', 'there', 'Good', 'night', 'to', 'you'])
    expect(await colours(page, '#wave')).toBeGreaterThan(1)
    expect(await colours(page, '#spectrogram')).toBeGreaterThan(20)
    expect(await page.textContent('#first')).toMatch(/^\d+ ms$/)

    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
    const wav = readFileSync(await download.path())
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF')
    const length = Number.parseFloat((await page.textContent('#length'))!)
    expect((wav.length - 44) / 48000).toBeCloseTo(length, 2)
    expect(faults).toEqual([])
    await page.close()
  }, 60_000)

  test('rate, pitch, voice and seed are asked for as they are set', async () => {
    const { page } = await open()
    const bodies: Record<string, unknown>[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST') bodies.push(request.postDataJSON())
    })
    await page.fill('#text', 'Hi.')
    await page.fill('#speed', '1.5')
    await page.fill('#pitch', '0.8')
    await page.fill('#seed', '7')
    expect(await page.textContent('#speed-value')).toBe('1.50×')
    await page.click('#speak')
    await status(page, /^Done\. Seed 7\.$/)
    expect(bodies).toMatchObject([{ input: 'Hi.', speed: 1.5, pitch: 0.8, seed: 7, voice: 'stand-in' }])
    await page.close()
  }, 60_000)

  test('keys alone are enough: Ctrl+Enter speaks, Escape stops, Tab reaches everything that has a name', async () => {
    const { page, faults } = await open()
    await page.focus('#text')
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('A long story that goes on and on, and on. '.repeat(10))
    await page.keyboard.press('Control+Enter')
    await page.waitForSelector('#reading mark')
    await page.keyboard.press('Escape')
    await status(page, /^Stopped\.$/)
    const reached: string[] = []
    await page.focus('#text')
    for (let i = 0; i < 9; i++) {
      await page.keyboard.press('Tab')
      reached.push(await page.evaluate<string>('document.activeElement.id'))
    }
    expect(reached).toEqual(expect.arrayContaining(['voice', 'vocoder', 'speed', 'pitch', 'seed', 'key', 'speak']))
    const nameless = await page.evaluate(`[...document.querySelectorAll('textarea, select, input, button, canvas')]
      .filter((e) => !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim())
      .map((e) => e.id)`)
    expect(nameless).toEqual([])
    expect(await page.getAttribute('#status', 'role')).toBe('status')
    expect(faults).toEqual([])
    await page.close()
  }, 60_000)

  test('an error is told in words', async () => {
    const { page } = await open()
    await page.fill('#text', ' ... ')
    await page.click('#speak')
    await status(page, /speak/)
    expect(await page.getAttribute('#status', 'class')).toBe('bad')
    await page.close()
  }, 60_000)

  test('a phone in the dark: dark colours, nothing wider than the screen', async () => {
    const { page } = await open({ viewport: { width: 360, height: 740 }, colorScheme: 'dark', deviceScaleFactor: 2 })
    await page.fill('#text', 'Hello out there, in the dark.')
    await page.click('#speak')
    await status(page, /^Done/)
    await shot(page, 'phone-dark')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    const [ground, ink] = await page.evaluate<number[]>(`(() => {
      const light = (colour) => colour.match(/[0-9]+/g).map(Number).reduce((a, b) => a + b)
      const style = getComputedStyle(document.body)
      return [light(style.backgroundColor), light(style.color)]
    })()`)
    expect(ground!).toBeLessThan(120)
    expect(ink!).toBeGreaterThan(600)
    await page.close()
  }, 60_000)
})
