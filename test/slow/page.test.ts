/** The page's player, downloads, voices and code in a real Chromium. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromium } from '../support/chromium.ts'
import {
  becomes,
  bodiesOf,
  download,
  launchChromium,
  openPage,
  openSpeakPage,
  overflow,
  status,
  type Visit,
  VOICES,
  violations,
} from '../support/page.ts'
import { type TestServer, testServer, until } from '../support/test-server.ts'

describe.skipIf(!chromium)('the page at length (skipped where Chromium is not installed)', () => {
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

  const value = (page: Page, id: string) => page.inputValue(`#${id}`).then(Number)

  test('the player pauses, seeks, plays again and plays faster, and a click on a word goes there', async () => {
    const { page, faults } = await open()
    await page.fill('#text', 'Hello out there. Good night to you. '.repeat(3))
    await page.click('#speak')
    await becomes(page, `document.querySelector('#seek').value > 0.2`)
    expect(await page.getAttribute('#play', 'aria-label')).toBe('Pause')
    await page.click('#play')
    await status(page, /^Paused\.$/)
    await becomes(page, `!document.querySelector('#time').textContent.endsWith('…')`)
    expect(await page.getAttribute('#play', 'aria-label')).toBe('Play')
    await page.locator('#reading .word').filter({ hasText: 'night' }).last().click()
    await becomes(page, `document.querySelector('#reading mark')?.textContent === 'night'`)
    const end = Number(await page.getAttribute('#seek', 'max'))
    await page.fill('#seek', (end - 0.1).toFixed(1))
    await becomes(page, `document.querySelector('#reading mark').textContent === 'you'`)
    await page.selectOption('#rate', '2')
    await page.click('#play')
    await status(page, /^Done/)
    expect(await value(page, 'seek')).toBeCloseTo(end, 1)
    await page.click('#replay')
    await becomes(page, `document.querySelector('#reading mark')?.textContent === 'Hello'`)
    await page.click('#play')
    await becomes(page, `document.querySelector('#play').getAttribute('aria-label') === 'Play'`)
    expect(await value(page, 'seek')).toBeLessThan(end)
    expect(faults).toEqual([])
    await page.close()
  })

  test('other formats are the same request with the same seed, in one request to the server', async () => {
    const { page } = await open()
    const bodies = bodiesOf(page)
    await page.fill('#text', 'Hi.')
    await page.click('#speak')
    await status(page, /^Done/)
    const flac = await download(page, 'flac')
    expect(flac.name).toBe('speech.flac')
    expect(flac.bytes.toString('latin1', 0, 4)).toBe('fLaC')
    const [spoken, saved] = bodies
    expect(saved).toEqual({ ...spoken, response_format: 'flac' })
    const offered = await page.locator('#format option').allTextContents()
    const { formats } = (await (await fetch(`${server.url}/v1/audio/voices`)).json()) as { formats: string[] }
    expect(offered).toEqual(formats)
    await page.close()
  })

  test('voices are cards with what is known of them, and a sample each', async () => {
    const { page } = await open()
    const bodies = bodiesOf(page)
    const cards = await page.locator('.voice').allInnerTexts()
    expect(cards.map((card) => card.replace(/\s+/g, ' ').trim())).toEqual([
      'Stand in American English Sample',
      'Mary ann Scottish, female CC0-1.0 Sample',
    ])
    expect(await page.textContent('#voice-note')).toBe('Noise.')
    await page.getByRole('button', { name: 'Sample of Mary ann' }).click()
    await until(() => bodies.length === 1)
    await page.getByRole('radio', { name: 'Mary ann' }).check()
    expect(await page.textContent('#voice-note')).toBe('')
    await page.fill('#text', 'Hi.')
    await page.click('#speak')
    await status(page, /^Done/)
    expect(bodies).toMatchObject(
      [
        { voice: 'mary-ann', input: /I am Mary ann/ },
        { voice: 'mary-ann', input: 'Hi.' },
      ].map(({ voice, input }) => ({ voice, input: typeof input === 'string' ? input : expect.stringMatching(input) })),
    )
    await page.close()
  })

  test('the code is that of the request, with its seed once it was made', async () => {
    const { page } = await open()
    const bodies = bodiesOf(page)
    await page.fill('#text', `It's "quoted" \\ and naïve.`)
    await page.fill('#speed', '1.5')
    await page.click('#speak')
    await status(page, /^Done/)
    const shown = async () =>
      JSON.parse((await page.textContent('#code'))!.match(/-d '(\{[\s\S]*?\n\})' /)![1]!.replaceAll(`'\\''`, `'`))
    const { model: _, ...body } = bodies[0]!
    expect(await shown()).toEqual({ ...body, response_format: 'mp3' })
    await page.fill('#text', 'Another text.')
    expect(await shown()).toEqual({ input: 'Another text.', voice: 'stand-in', response_format: 'mp3', speed: 1.5 })
    await page.getByRole('tab', { name: 'curl' }).focus()
    await page.keyboard.press('ArrowRight')
    expect(await page.textContent('#code')).toContain('import urllib.request')
    expect(await page.getAttribute('#tab-python', 'aria-selected')).toBe('true')
    await page.close()
  })

  test('axe finds nothing on the page of the API, in both themes, and it fits a phone', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const docs = await openPage(browser, `${server.url}/docs`, { colorScheme, viewport: { width: 390, height: 700 } })
      await docs.page.click('.contents summary')
      expect(await violations(docs.page)).toEqual([])
      expect(await overflow(docs.page)).toBeLessThanOrEqual(0)
      await docs.page.check('#in-go')
      expect(await docs.page.locator('pre:visible').first().textContent()).toContain('package main')
      expect(docs.faults).toEqual([])
      await docs.page.close()
    }
  })
})
