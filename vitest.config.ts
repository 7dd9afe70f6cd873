import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['{src,training,server,test}/**/*.test.ts'], testTimeout: 30_000 },
})
