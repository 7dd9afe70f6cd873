/**
 * Objects compiled for one instruction set must run nothing when they are loaded, and share no function with others: the
 * linker keeps one copy of a shared function, and any CPU would then run that instruction set's.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'

const objects = ['build/obj/serve', 'training/build/obj/train'].flatMap((folder) =>
  existsSync(path.join(PACKAGE_ROOT, folder))
    ? readdirSync(path.join(PACKAGE_ROOT, folder))
        .filter((file) => /(kernel|int8|peak)\.\w+\.cpp\.o$/.test(file))
        .map((file) => path.join(folder, file))
    : [],
)
const hasNm = spawnSync('nm', ['--version']).status === 0

test.skipIf(objects.length === 0 || !hasNm).each(objects)(
  '%s has no load-time code and no shared function',
  (object) => {
    const { stdout, status } = spawnSync('nm', [path.join(PACKAGE_ROOT, object)], { encoding: 'utf8' })
    expect(status).toBe(0)
    const symbols = stdout.trim().split('\n')
    expect(symbols.length).toBeGreaterThan(1)
    // A pointer to the C++ library's handler of exceptions is data, the same in every object.
    const code = symbols.filter((line) => !line.endsWith(' DW.ref.__gxx_personality_v0'))
    expect(code.filter((line) => / [WVu] |_GLOBAL__sub_I|\.init_array/.test(line))).toEqual([])
  },
)
