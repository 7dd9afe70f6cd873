/**
 * The web page in a real Chromium (Debian's package), as somebody uses it: with a mouse, with keys alone, on a phone. Set
 * SPARSEWAVE_SCREENSHOTS=FOLDER to look at it.
 */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromium } from './support/chromium.ts'
import {
  bodiesOf,
  download,
  launchChromium,
  openSpeakPage,
  overflow,
  screenshot,
  status,
  type Visit,
  VOICES,
  violations,
  WATCH_MARKS,
} from './support/page.ts'
import { type TestServer, testServer } from './support/test-server.ts'

describe.skipIf(!chromium)('the page (skipped where Chromium is not installed)', () => {
  let server: TestServer
  let browser: Browser
  beforeAll(async () => {
    server = await testServer({ catalogue: { voices: VOICES, defaultVoice: 'stand-in' } })
    browser = await launchChromium(['another-machine.test'])
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  const open = (options: Parameters<Browser['newPage']>[0] = {}, url = server.url): Promise<Visit> =>
    openSpeakPage(browser, url, options)

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
    await page.evaluate(`(() => {${WATCH_MARKS}})()`)
    await page.click('#speak')
    await page.waitForSelector('#reading mark')
    await status(page, /^Done\. Seed \d+\.$/)
    await screenshot(page, 'light')
    const marked = await page.evaluate('marked')
    expect(marked).toEqual(['Hello', 'out', 'there', 'Good', 'night', 'to', 'you'])
    expect(await page.textContent('#reading')).toBe('Hello out there. Good night to you.')
    expect(await colours(page, '#wave')).toBeGreaterThan(1)
    expect(await colours(page, '#spectrogram')).toBeGreaterThan(20)
    expect(await page.textContent('#first')).toMatch(/^\d+ ms$/)

    const { bytes: wav, name } = await download(page, 'wav')
    expect(name).toBe('speech.wav')
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF')
    const length = Number.parseFloat((await page.textContent('#length'))!)
    expect((wav.length - 44) / 48000).toBeCloseTo(length, 2)
    const pcm = await download(page, 'pcm')
    expect(pcm.bytes.equals(wav.subarray(44))).toBe(true)
    expect(faults).toEqual([])
    await page.close()
  })

  test('rate, pitch, voice and seed are asked for as they are set', async () => {
    const { page } = await open()
    const bodies = bodiesOf(page)
    await page.fill('#text', 'Hi.')
    await page.fill('#speed', '1.5')
    await page.fill('#pitch', '0.8')
    await page.click('#advanced summary')
    await page.fill('#seed', '7')
    expect(await page.textContent('#speed-value')).toBe('1.50×')
    await page.click('#speak')
    await status(page, /^Done\. Seed 7\.$/)
    expect(bodies).toMatchObject([{ input: 'Hi.', speed: 1.5, pitch: 0.8, seed: 7, voice: 'stand-in' }])
    await page.close()
  })

  test('keys alone are enough: Ctrl+Enter speaks, Escape stops, Tab reaches everything that has a name', async () => {
    const { page, faults } = await open()
    await page.focus('#text')
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('A long story that goes on and on, and on. '.repeat(10))
    await page.keyboard.press('Control+Enter')
    await page.waitForSelector('#reading mark')
    await page.keyboard.press('Escape')
    await status(page, /^Stopped\.$/)
    await page.focus('#advanced summary')
    await page.keyboard.press('Enter')
    const reached: string[] = []
    await page.focus('#text')
    for (let i = 0; i < 24; i++) {
      await page.keyboard.press('Tab')
      reached.push(await page.evaluate<string>('document.activeElement.id || document.activeElement.name'))
    }
    const controls = ['voice', 'vocoder', 'speed', 'pitch', 'seed', 'key', 'speak', 'play', 'replay', 'seek', 'rate']
    expect(reached).toEqual(
      expect.arrayContaining([...controls, 'format', 'save', 'where', 'tab-curl', 'code', 'copy']),
    )
    const nameless = await page.evaluate(`[...document.querySelectorAll('textarea, select, input, button, canvas')]
      .filter((e) => !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim())
      .map((e) => e.id)`)
    expect(nameless).toEqual([])
    expect(await page.getAttribute('#status', 'role')).toBe('status')
    expect(faults).toEqual([])
    await page.close()
  })

  test('an error is told in words', async () => {
    const { page } = await open()
    await page.fill('#text', '   ')
    await page.click('#speak')
    await status(page, /text is empty/)
    expect(await page.getAttribute('#status', 'class')).toBe('bad')
    await page.fill('#text', 'x'.repeat(5000))
    expect(await page.getAttribute('#count', 'class')).toContain('bad')
    await page.click('#speak')
    await status(page, /4096 characters, and this text has 904 more/)
    await page.close()
  })

  test('a phone in the dark: dark colours, nothing wider than the screen', async () => {
    const { page } = await open({ viewport: { width: 360, height: 740 }, colorScheme: 'dark', deviceScaleFactor: 2 })
    await page.fill('#text', 'Hello out there, in the dark.')
    await page.click('#speak')
    await status(page, /^Done/)
    await screenshot(page, 'phone-dark')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    const [ground, ink] = await page.evaluate<number[]>(`(() => {
      const light = (colour) => colour.match(/[0-9]+/g).map(Number).reduce((a, b) => a + b)
      const style = getComputedStyle(document.body)
      return [light(style.backgroundColor), light(style.color)]
    })()`)
    expect(ground!).toBeLessThan(120)
    expect(ink!).toBeGreaterThan(600)
    await page.close()
  })

  test('text, button and status are seen without scrolling, at no width does the page scroll sideways', async () => {
    const { page } = await open()
    for (const [width, height] of [
      [320, 568],
      [390, 664],
      [768, 1024],
      [1366, 657],
      [1440, 800],
    ] as const) {
      await page.setViewportSize({ width, height })
      expect(await overflow(page), `${width}`).toBeLessThanOrEqual(0)
      for (const id of ['text', 'speak', 'status']) {
        const { y, height: h } = (await page.locator(`#${id}`).boundingBox())!
        expect(y + h, `${id} at ${width}`).toBeLessThan(height)
      }
    }
    await page.close()
  })

  test('axe finds nothing, in both themes, before and after a text was spoken', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open({ colorScheme })
      expect(await violations(page)).toEqual([])
      await page.click('#advanced summary')
      await page.click('#speak')
      await page.waitForSelector('#reading mark')
      await page.click('#play')
      expect(await violations(page)).toEqual([])
      await page.close()
    }
  })

  test('over plain HTTP from another machine it speaks too', async () => {
    const { page, faults } = await open({}, `http://another-machine.test:${server.port}`)
    expect(await page.evaluate('[isSecureContext, "audioWorklet" in BaseAudioContext.prototype]')).toEqual([
      false,
      false,
    ])
    await page.fill('#text', 'Hello from afar.')
    await page.click('#speak')
    await page.waitForSelector('#reading mark')
    await status(page, /^Done/)
    expect(await page.isDisabled('[value=browser]')).toBe(true)
    expect(await page.textContent('#where-note')).toContain('HTTPS')
    await page.click('#copy')
    await page.locator('#copy').filter({ hasText: 'Copied' }).waitFor()
    // The browser notes that a header of ours has no effect there.
    expect(faults.filter((fault) => !fault.includes('Cross-Origin-Opener-Policy'))).toEqual([])
    await page.close()
  })
})
