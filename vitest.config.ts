import './src/onnx/telemetry.ts'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,training,server,test}/**/*.test.ts'],
    // Generous, so that a busy machine is not taken for a fault.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
