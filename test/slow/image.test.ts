/** The image, built by Debian's buildah over a Debian from debootstrap, speaks. Needs root, both programs and Debian's mirror. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../../src/root.ts'

const has = (program: string): boolean => spawnSync('which', [program]).status === 0
const isPossible = process.getuid?.() === 0 && ['buildah', 'debootstrap', 'curl'].every(has)

/** What scripts/image.sh ends with where Debian or npm cannot be reached. */
const OFFLINE = 3

test.skipIf(!isPossible)(
  'the image is built, runs and speaks (skipped without root, buildah, debootstrap, curl)',
  ({ skip }) => {
    const { status, stdout, stderr } = spawnSync(join(PACKAGE_ROOT, 'scripts/image.sh'), { encoding: 'utf8' })
    if (status === OFFLINE) skip(stderr)
    expect(status, stderr).toBe(0)
    const [, bytes] = /^speech: (\d+) bytes$/m.exec(stdout) ?? []
    expect(Number(bytes)).toBeGreaterThan(40_000)
    const [, all] = /^image: (\d+) MB/m.exec(stdout) ?? []
    expect(Number(all)).toBeLessThan(900)
  },
  1_800_000,
)
