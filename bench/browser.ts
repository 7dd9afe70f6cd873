/**
 * The page's voice in the browser against the server's: time to first audio, real-time factor, and how far apart the samples are. Needs
 * Chromium.
 *
 *     node scripts/build.mjs --if-stale && node bench/dist/browser.js [--shots FOLDER]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium as launcher } from 'playwright-core'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { chromium } from 'sparsewave/internal/testing/chromium'
import { VOCODERS } from 'sparsewave/internal/vocoder/vocoder'
import { median } from './measure.ts'
import { startServerProcess } from './server-process.ts'

const { values: flags } = parseArgs({ options: { shots: { type: 'string' } } })
const sentences = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n').slice(0, 8)
const SEED = 7

const server = await startServerProcess()
const browser = await launcher.launch({
  executablePath: chromium!,
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
})
const origin = `http://localhost:${server.port}`
console.log(`Chromium ${browser.version()}`)
console.log('| vocoder | fetched, MB | first audio, ms | real-time factor | signal to difference, dB |')
console.log('| --- | --- | --- | --- | --- |')
try {
  const page = await browser.newPage()
  let fetched = 0
  page.context().on('response', (response) => {
    if (response.url().includes('sha256=')) fetched += Number(response.headers()['content-length'])
  })
  await page.goto(origin)
  await page.waitForSelector('#voice option', { state: 'attached' })
  await page.fill('#seed', String(SEED))
  await page.check('[value=browser]')
  for (const vocoder of VOCODERS.toReversed()) {
    fetched = 0
    await page.selectOption('#vocoder', vocoder)
    const first: number[] = []
    const factor: number[] = []
    const apart: number[] = []
    for (const [i, text] of sentences.entries()) {
      await page.fill('#text', text)
      await page.click('#speak')
      await page.locator('#status').filter({ hasText: 'Done.' }).waitFor({ timeout: 120_000 })
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
      const here = readFileSync(await download.path()).subarray(44)
      const body = JSON.stringify({ input: text, seed: SEED, vocoder, response_format: 'pcm' })
      const answer = await fetch(`${origin}/v1/audio/speech`, { method: 'POST', body })
      const there = Buffer.from(await answer.arrayBuffer())
      // The first compiles.
      if (i > 0) {
        first.push(Number.parseFloat((await page.textContent('#first'))!))
        factor.push(Number.parseFloat((await page.textContent('#factor'))!))
      }
      apart.push(here.length === there.length ? ratio(here, there) : Number.NaN)
    }
    console.log(
      `| ${vocoder} | ${(fetched / 1e6).toFixed(1)} | ${median(first).toFixed(0)} | ${median(factor).toFixed(3)} | ${apart.map((db) => db.toFixed(0)).join(', ')} |`,
    )
    if (flags.shots) await page.screenshot({ path: join(flags.shots, `${vocoder}.png`), fullPage: true })
  }
} finally {
  await browser.close()
  await server.stop()
}

/** Power of `a` (s16le) by that of its difference to `b`, dB. */
function ratio(a: Buffer, b: Buffer): number {
  let signal = 0
  let difference = 0
  for (let i = 0; i + 1 < a.length; i += 2) {
    signal += a.readInt16LE(i) ** 2
    difference += (a.readInt16LE(i) - b.readInt16LE(i)) ** 2
  }
  return 10 * Math.log10(signal / difference)
}
