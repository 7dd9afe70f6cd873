import './src/onnx/telemetry.ts'
import { availableParallelism } from 'node:os'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// Packages of the house are taken from their sources, all others as Node takes them: it knows no condition `module`.
const conditions = ['source', ...defaultServerConditions.filter((condition) => condition !== 'module')]

/** Tests that take long and change rarely: `npm run test:slow` runs them, and nothing else. */
const SLOW = ['test/browser-voice.test.ts', 'test/engines.test.ts', 'test/slow/**/*.test.ts']
const slow = process.env.SPARSEWAVE_SLOW_TESTS === '1'

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: slow ? SLOW : ['{src,training,server,test,examples}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(slow ? [] : SLOW)],
    // Files run side by side on every core. No test measures time.
    maxWorkers: availableParallelism(),
    // Generous, so that a busy machine is not taken for a fault.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
