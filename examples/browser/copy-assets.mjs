// Copies what the page fetches to public/: the engine (6 MB) and a voice (7 MB).
// Run:   npm run copy; `npm start` and `npm run build` do it first.
// Needs: npm install
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.resolve('sparsewave/package.json')))
const target = process.argv[2] ?? 'public'
cpSync(join(root, 'build/web'), join(target, 'sparsewave'), { recursive: true })
cpSync(join(root, 'models/heart'), join(target, 'voices/heart'), { recursive: true })
