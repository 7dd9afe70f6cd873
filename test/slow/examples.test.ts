/** The examples that take long: training a voice, and a page that a bundler puts together. */
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { readWav } from '../../src/audio/wav.ts'
import { addonFile } from '../../src/native-addon.ts'
import { PACKAGE_ROOT } from '../../src/root.ts'
import { TRAINING_ROOT } from '../../training/root.ts'
import { TINY_NET, writeMadeUpCorpus } from '../../training/tasks/sparse-wavernn/testing.ts'
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

test.skipIf(!existsSync(addonFile('train', TRAINING_ROOT)))(
  'training-client.mjs trains on a server of its own (skipped without a C++ compiler)',
  async () => {
    const keys = outside.path('keys.txt')
    const env = { SPARSEWAVE_KEYS_FILE: keys, SPARSEWAVE_TRAINING_FOLDER: outside.path('service') }
    const command = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
    const made = await outside.run(process.execPath, [command, 'keys', 'create', 'me', '--scopes', 'train'], env)
    writeMadeUpCorpus(outside.path('corpus'))
    await outside.run('tar', ['czf', 'recordings.tar.gz', 'corpus'])
    const server = outside.start(process.execPath, [command, 'jobs', 'serve', '--port', '0'], env)
    const [, url] = await outside.said(server, /(http:\/\/localhost:\d+)/)
    const job = JSON.stringify({
      threads: 1,
      net: TINY_NET,
      training: { updates: 20, lanes: 16, steps: 30 },
      validation: { every: 10 },
    })
    const args = ['training-client.mjs', 'recordings.tar.gz', url!, 'result.tar', job]
    const first = await outside.run(process.execPath, args, { TRAINING_KEY: made.stdout.trim() })
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toMatch(/24 recordings.*\n.*job-.*\n[\s\S]*Update 20: held-out loss .*\n.*result\.tar/)
    expect((await outside.run('tar', ['tf', 'result.tar'])).stdout).toContain('vocoder.safetensors')
    server.kill('SIGTERM')
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
