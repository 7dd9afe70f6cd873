#!/usr/bin/env node
/**
 * Starts the command line. In a clone it first builds what is missing or older than its sources, and what training needs
 * only for a command of training. SPARSEWAVE_SKIP_BUILD=1 turns that off.
 */
import { existsSync } from 'node:fs'

const root = new URL('../', import.meta.url)
if (existsSync(new URL('scripts/build.mjs', root)) && process.env.SPARSEWAVE_SKIP_BUILD !== '1') {
  const { build, SPEAKING, TRAINING } = await import(new URL('scripts/build.mjs', root).href)
  const training = ['train', 'study', 'jobs', 'compact', 'evaluate'].includes(process.argv[2] ?? '')
  if (!(await build(training ? TRAINING : SPEAKING, { ifStale: true }))) process.exit(1)
}
// A reader that closes the pipe early (`| head`) is no fault.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
const { main } = await import(new URL('dist/src/cli/main.js', root).href)
process.exitCode = await main(process.argv.slice(2))
