/** The page in a real Firefox: on the server and in the browser itself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../server/config.ts'
import { type RunningServer, startServer } from '../../server/start.ts'
import { spawnWorker } from '../../server/synthesis/spawn.ts'
import { type FirefoxPage, firefox, launchFirefox } from '../support/firefox.ts'
import { WATCH_MARKS } from '../support/page.ts'

describe.skipIf(!firefox)('the page in Firefox (skipped where it is not installed)', () => {
  let server: RunningServer
  let page: FirefoxPage
  beforeAll(async () => {
    server = await startServer({
      config: readConfig({ PORT: '0', HOST: '127.0.0.1', SPARSEWAVE_WORKERS: '1' }),
      catalogue: { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' },
      spawn: () => spawnWorker({ voice: 'tiny' }),
    })
    page = await launchFirefox()
    await page.goto(`http://localhost:${server.port}/`)
    await page.becomes(`document.querySelector('.voice')`)
    await page.evaluate(`(() => {
      window.faults = []
      addEventListener('error', ({ message }) => faults.push(message))
      addEventListener('unhandledrejection', ({ reason }) => faults.push(String(reason)))
      ${WATCH_MARKS}
    })()`)
  }, 120_000)
  afterAll(async () => {
    await page?.close()
    await server?.stop()
  })

  const done = () => page.becomes(`/^Done\\. Seed \\d+\\.$/.test(document.querySelector('#status').textContent)`)
  const text = (id: string) => page.evaluate<string>(`document.querySelector('#${id}').textContent`)

  test('speaks and marks the words', async () => {
    await page.evaluate(`void (document.querySelector('#text').value = 'Hello out there. Good night.')`)
    await page.click('#speak')
    await done()
    // In turn. A busy machine draws too seldom for each of them.
    const words = ['Hello', 'out', 'there', 'Good', 'night']
    const marked = await page.evaluate<string[]>('marked')
    expect(marked).toEqual(words.filter((word) => marked.includes(word)))
    expect(marked.length).toBeGreaterThan(1)
    expect(marked.at(-1)).toBe('night')
    expect(Number.parseFloat(await text('length'))).toBeGreaterThan(1)
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await page.evaluate('faults')).toEqual([])
  })

  test('speaks by itself, and says what that costs before it fetches and after', async () => {
    await page.click('[value=browser]')
    await page.becomes(`/first time fetches [0-9.]+ MB/.test(document.querySelector('#where-note').textContent)`)
    await page.evaluate(`void (document.querySelector('#text').value = 'Good night.')`)
    await page.click('#speak')
    await page.becomes(`document.querySelector('#status').textContent.startsWith('Speaking')`)
    await done()
    await page.becomes(`document.querySelector('#where-note').textContent.includes('has the voice already')`)
    expect(await page.evaluate('faults')).toEqual([])
  })
})
