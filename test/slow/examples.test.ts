/** The examples that take long: training a voice, and a page that a bundler puts together. */
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { readWav } from '../../src/audio/wav.ts'
import { addonFile } from '../../src/native-addon.ts'
import { PACKAGE_ROOT } from '../../src/root.ts'
import { TRAINING_ROOT } from '../../training/root.ts'
import { chromium } from '../support/chromium.ts'
import { Outside, serveFiles } from '../support/outside.ts'

const outside = new Outside()
cpSync(join(PACKAGE_ROOT, 'examples'), outside.folder, { recursive: true })
afterAll(() => outside.remove())

test.skipIf(!existsSync(addonFile('train', TRAINING_ROOT)))(
  'train-a-voice.mjs (skipped without a C++ compiler)',
  async () => {
    const { code, stderr } = await outside.run(process.execPath, ['train-a-voice.mjs', 'mine', '20'])
    expect(code, stderr).toBe(0)
    const { samples, sampleRate } = readWav(readFileSync(outside.path('spoken.wav')))
    expect(samples.length / sampleRate).toBeGreaterThan(0.5)
    expect(JSON.parse(readFileSync(outside.path('voices/mine/voice.json'), 'utf8'))).toMatchObject({
      name: 'mine',
      net: { hidden: 64 },
    })
  },
  240_000,
)

test.skipIf(!chromium)(
  'browser: the bundled page speaks in Chromium, with files alone to fetch',
  async () => {
    const folder = outside.path('browser')
    const script = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).scripts.build
    expect(script).toBe('npm run copy && vite build --base ./')
    const built = await outside.run('npm', ['run', 'build'], {}, folder)
    expect(built.code, built.stderr).toBe(0)
    const site = await serveFiles({ '': join(folder, 'dist') })
    const { chromium: launcher } = await import('playwright-core')
    let browser: Browser | undefined
    try {
      browser = await launcher.launch({
        executablePath: chromium!,
        args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
      })
      const page = await browser.newPage()
      await page.goto(site.url)
      await page.fill('#text', 'Two boats came home.')
      await page.click('#speak')
      const status = page.locator('#status').filter({ hasText: 's of speech' })
      await status.waitFor({ timeout: 100_000 })
      expect(Number.parseFloat((await status.textContent())!)).toBeGreaterThan(0.8)
    } finally {
      await browser?.close()
      site.close()
    }
  },
  180_000,
)
