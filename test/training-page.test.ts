/**
 * The training page in a real Chromium over a service whose jobs have run: losses, samples, masks, comparison, a wrong key. Set
 * SPARSEWAVE_SCREENSHOTS=FOLDER to look at it.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../server/access/key-file.ts'
import { readConfig } from '../server/config.ts'
import { type RunningExtension, startExtension } from '../server/extension.ts'
import { createLogger } from '../server/log.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { openJobQueue } from '../training/queue/job-queue.ts'
import { createTrainingService, readSettings } from '../training/service/index.ts'
import { tarOf } from './support/archives.ts'
import { chromium } from './support/chromium.ts'

describe.skipIf(!chromium)('the training page (skipped where Chromium is not installed)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'training-page-'))
  const keysFile = join(dir, 'keys.txt')
  const key = createKey(keysFile, 'me', { scopes: ['train'] })
  const folder = join(dir, 'service')
  let running: RunningExtension
  let browser: Browser
  let url: string
  const ids: string[] = []

  const ask = async (path: string, options: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, { ...options, headers: { Authorization: `Bearer ${key}` } })
    return (await response.json()) as { id: string }
  }
  const log = (id: string, entry: object) => {
    const line = { time: new Date().toISOString(), ...entry }
    appendFileSync(join(folder, 'jobs', id, 'run/log.jsonl'), `${JSON.stringify(line)}\n`)
  }
  /** What a validation leaves: one sample and one mask of 2 strips and 8 columns. */
  const validation = (id: string, update: number, kept: number[]) => {
    const at = join(folder, 'jobs', id, 'run/validations', String(update))
    const wav = encodeWav(Float32Array.from({ length: 4800 }, (_, n) => 0.1 * Math.sin(n / 9)))
    for (const place of [at, join(at, '../recordings')]) {
      mkdirSync(place, { recursive: true })
      writeFileSync(join(place, 'u03.wav'), wav)
    }
    const matrices = [{ name: 'gru.recurrent.reset', strips: 2, columns: 8, kept }]
    writeFileSync(join(at, 'masks.json'), JSON.stringify({ update, matrices }))
    log(id, { event: 'validation', update, loss: 20 - update / 1000 })
  }

  beforeAll(async () => {
    const settings = { ...readSettings({}), folder, queue: join(folder, 'jobs.sqlite'), runners: 0 }
    const service = await createTrainingService({ settings, queue: await openJobQueue(settings.queue, ''), log() {} })
    const config = { ...readConfig({ PORT: '0', HOST: '127.0.0.1' }), keysFile }
    running = await startExtension(service, config, createLogger('silent'))
    url = `http://127.0.0.1:${running.port}`
    const archive = await tarOf([
      { name: 'metadata.csv', bytes: 'u03|a|a\n' },
      { name: 'wavs/u03.wav', bytes: encodeWav(new Float32Array(2400)) },
    ])
    const form = new FormData()
    form.set('purpose', 'training')
    form.set('file', new Blob([archive as Uint8Array<ArrayBuffer>]), 'a.tar')
    const { id: training_file } = await ask('/v1/files', { method: 'POST', body: form })
    for (const name of ['first voice', 'second voice']) {
      const body = JSON.stringify({ kind: 'vocoder', training_file, metadata: { name } })
      const { id } = await ask('/v1/training/jobs', { method: 'POST', body })
      ids.push(id)
      mkdirSync(join(folder, 'jobs', id, 'run'))
      for (let update = 100; update <= 2000; update += 100)
        log(id, {
          event: 'train',
          update,
          loss: 22 - Math.log(update),
          smoothed: 22 - Math.log(update),
          wallSeconds: update,
        })
      validation(
        id,
        1000,
        [0, 1, 2, 3, 4, 5, 6, 7].map((v) => v % 4),
      )
    }
    validation(ids[0]!, 2000, [0, 1, 2, 7, 0, 1, 2, 3])
    const { chromium: launcher } = await import('playwright-core')
    browser = await launcher.launch({ executablePath: chromium!, args: ['--no-sandbox'] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await running?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage(options)
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(`${url}/training/`)
    return { page, faults }
  }
  const enter = async (page: Page, secret = key): Promise<void> => {
    await page.fill('#key', secret)
    await page.keyboard.press('Enter')
  }
  const shot = async (page: Page, name: string): Promise<void> => {
    const place = process.env.SPARSEWAVE_SCREENSHOTS
    if (place) await page.screenshot({ path: join(place, `${name}.png`), fullPage: true })
  }
  /** Pixels of the chart that have a colour of the given index. */
  const painted = (page: Page): Promise<number> =>
    page.evaluate(`(() => {
      const canvas = document.querySelector('#losses')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return new Uint32Array(data.buffer).filter((v) => v !== 0).length
    })()`)

  test('a job shows its losses, samples, masks and events; a second one is compared', async () => {
    const { page, faults } = await open()
    await enter(page)
    await page.click(`button[data-id="${ids[0]}"]`)
    await page.waitForSelector('#samples audio >> nth=1')
    expect(await page.textContent('#job-title')).toBe('first voice')
    expect(await page.textContent('#updates')).toBe('2,000')
    expect(await page.textContent('#held-out')).toBe('18.000')
    expect(await page.textContent('#mask-note')).toMatch(
      /^8 of 16 blocks are kept, 50.0 %. 1 are new and 1 were given up/,
    )
    await page.waitForSelector('text=Update 2000: held-out loss 18.000.')
    // What can be heard is the sample: its length is known once it is loaded.
    await expect.poll(() => page.evaluate(`document.querySelector('#samples audio').duration`)).toBeCloseTo(0.2, 2)
    await page.selectOption('#validation', 'step-1000')
    await expect.poll(() => page.textContent('#mask-note')).not.toContain('new')
    const alone = await painted(page)
    await page.locator(`li:has(button[data-id="${ids[1]}"]) input`).check()
    await page.waitForSelector('#legend >> text=second voice')
    await expect.poll(() => page.locator('#legend .swatch').count()).toBe(2)
    expect(alone).toBeGreaterThan(500)
    await shot(page, 'training')
    // Updates come while one looks.
    log(ids[0]!, { event: 'train', update: 2100, loss: 1, smoothed: 1 })
    await page.waitForSelector('text=Update 2100: loss 1.000.')
    expect(faults).toEqual([])
    await page.close()
  })

  test('cancelling and going on', async () => {
    const { page, faults } = await open()
    await enter(page)
    await page.click(`button[data-id="${ids[1]}"]`)
    await page.click('#cancel')
    await page.waitForSelector('#state >> text=cancelled')
    await page.click('#resume')
    await page.waitForSelector('#state >> text=queued')
    expect(faults).toEqual([])
    await page.close()
  })

  test('a wrong key is said to be one, and the page fits a phone in both themes', async () => {
    const { page } = await open({ viewport: { width: 360, height: 720 }, colorScheme: 'dark' })
    await enter(page, 'sk-wrong')
    await page.waitForSelector('#status.bad >> text=not valid')
    expect(await page.isVisible('#job')).toBe(false)
    await enter(page)
    await page.click(`button[data-id="${ids[0]}"]`)
    await page.waitForSelector('#samples audio >> nth=1')
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    await shot(page, 'training-phone')
    await page.emulateMedia({ colorScheme: 'light' })
    await shot(page, 'training-phone-light')
    await page.close()
  })
})
