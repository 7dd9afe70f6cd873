#!/usr/bin/env node
/**
 * Starts the command line. In a clone it first builds what is missing or older than its sources, and what training needs
 * only for a command of training. An installed package compiles its native kernels where none fit the machine.
 * SPARSEWAVE_SKIP_BUILD=1 turns both off.
 */
import { existsSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const script = (name) => new URL(`scripts/${name}.mjs`, root)
const command = process.argv[2] ?? ''
const training =
  ['train', 'study', 'jobs', 'voice', 'compact', 'evaluate'].includes(command) ||
  (command === 'serve' && process.argv.includes('--training'))
if (process.env.SPARSEWAVE_SKIP_BUILD !== '1') {
  if (existsSync(script('build'))) {
    const { build, SPEAKING, TRAINING } = await import(script('build').href)
    // `--help` and `doctor` show what the trainer says too, where it has been built once.
    const own = ['speak', 'read', 'serve', 'keys', 'voices'].includes(command)
    const withTrainer = training || (!own && existsSync(new URL('training/dist/index.js', root)))
    if (!(await build(withTrainer ? TRAINING : SPEAKING, { ifStale: true }))) process.exit(1)
  } else if (training || ['speak', 'serve', 'doctor'].includes(command)) {
    const { compileOnce, trainerAddons } = await import(script('build-native').href)
    await compileOnce()
    if (training) for (const addon of trainerAddons()) await compileOnce(addon)
  }
}
// A reader that closes the pipe early (`| head`) is no fault.
process.stdout.on('error', (error) => {
  // A command that listens itself has its own words for it.
  if (process.stdout.listenerCount('error') > 1) return
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
const { main } = await import(new URL('dist/src/cli/main.js', root).href)
process.exitCode = await main(process.argv.slice(2))
