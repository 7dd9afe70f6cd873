#!/usr/bin/env node
/**
 * Starts the command line. In a checkout it builds first what is missing or older than its sources;
 * SPARSEWAVE_SKIP_BUILD=1 turns that off.
 */
import { existsSync } from 'node:fs'

const root = new URL('../', import.meta.url)
if (existsSync(new URL('src/', root)) && process.env.SPARSEWAVE_SKIP_BUILD !== '1') {
  const { build } = await import(new URL('scripts/build.mjs', root).href)
  if (!(await build(undefined, { ifStale: true, quiet: true }))) process.exit(1)
}
const { main } = await import(new URL('dist/src/cli/main.js', root).href)
process.exitCode = await main(process.argv.slice(2))
