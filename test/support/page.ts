/** The web page in a browser, as tests drive it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { chromium } from './chromium.ts'

/** A Chromium that sounds without a click. `hosts` are names that mean this machine. */
export async function launchChromium(hosts: readonly string[] = []): Promise<Browser> {
  const { chromium: launcher } = await import('playwright-core')
  return launcher.launch({
    executablePath: chromium!,
    args: [
      '--no-sandbox',
      '--autoplay-policy=no-user-gesture-required',
      ...(hosts.length > 0 ? [`--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',')}`] : []),
    ],
  })
}

/** A page and what it complained of. */
export interface Visit {
  readonly page: Page
  readonly faults: readonly string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<Visit> {
  const page = await browser.newPage(options)
  // A busy machine is not taken for a fault. The test's own limit is what counts.
  page.setDefaultTimeout(110_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  await page.goto(url)
  return { page, faults }
}

/** What the page's tests offer. */
export const VOICES = [
  { name: 'stand-in', language: 'en-US', description: 'Noise.', aliases: ['noise'] },
  { name: 'mary-ann', language: 'en-GB', accent: 'scottish', sex: 'female', licence: 'CC0-1.0' },
]

/** The page with its voices there. */
export async function openSpeakPage(...args: Parameters<typeof openPage>): Promise<Visit> {
  const visit = await openPage(...args)
  await visit.page.waitForSelector('.voice', { state: 'attached' })
  return visit
}

/** Script of a page: from then on `marked` holds the words that are marked in turn. */
export const WATCH_MARKS = `
  window.marked = []
  new MutationObserver(() => {
    const word = document.querySelector('#reading mark')?.textContent
    if (word && marked.at(-1) !== word) marked.push(word)
  }).observe(document.querySelector('#reading'), { childList: true })`

/** Saves a picture in the folder SPARSEWAVE_SCREENSHOTS, where it is set. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.SPARSEWAVE_SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds wrong with the page as it is now: rule and place. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' '))))`)
}

/** How much wider the page is than its window, in points of the screen. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - innerWidth')

/** What tests ask of the page. */
export const status = (page: Page, text: RegExp) => page.locator('#status').filter({ hasText: text }).waitFor()

/** Resolves when an expression is true in the page. */
export const becomes = (page: Page, expression: string): Promise<void> =>
  page.evaluate(`new Promise((resolve) => {
    const look = () => (${expression}) ? resolve() : requestAnimationFrame(look)
    look()
  })`)

/** Bodies of the requests that a page sends, as it sends them. */
export function bodiesOf(page: Page): Record<string, unknown>[] {
  const bodies: Record<string, unknown>[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') bodies.push(request.postDataJSON())
  })
  return bodies
}

/** Saves what was spoken in a format. */
export async function download(page: Page, format: string): Promise<{ bytes: Buffer; name: string }> {
  await page.selectOption('#format', format)
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
  return { bytes: readFileSync(await file.path()), name: file.suggestedFilename() }
}
