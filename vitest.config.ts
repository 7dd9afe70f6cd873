import './src/onnx/telemetry.ts'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// Packages of the house are taken from their sources.
const conditions = ['source', ...defaultServerConditions]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{src,training,server,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // Generous, so that a busy machine is not taken for a fault.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
