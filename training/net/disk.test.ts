/** Full disks, simulated: what was written before stays whole. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CHECKPOINT_FILE, PREVIOUS_FILE, replaceFile } from './checkpoint-files.ts'
import { createRunLog, isDiskFull, unlessDiskFull } from './disk.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'disk-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

test('a file whose replacement does not fit stays as it was, and nothing is left beside it', () => {
  const [file, previous] = [path.join(dir, CHECKPOINT_FILE), path.join(dir, PREVIOUS_FILE)]
  replaceFile(file, Buffer.from('old'))
  let room = 4
  /** Writes a little, as a disk does before it is full. */
  const write = ((handle: number, bytes: Uint8Array, at: number) => {
    if (room <= 0) throw noSpace()
    const count = writeSync(handle, bytes, at, Math.min(room, bytes.length - at))
    room -= count
    return count
  }) as typeof writeSync
  expect(() => replaceFile(file, Buffer.from('too much'), previous, write)).toThrow(
    expect.objectContaining({ code: 'DISK_FULL', message: `The disk is full: ${file} could not be written.` }),
  )
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(existsSync(previous)).toBe(false)
  expect(existsSync(`${file}.part`)).toBe(false)
  room = 8
  replaceFile(file, Buffer.from('too much'), previous, write)
  expect(readFileSync(file, 'utf8')).toBe('too much')
  expect(readFileSync(previous, 'utf8')).toBe('old')
})

test('a full disk costs lines of the log, and a line that was cut stays alone', () => {
  const file = path.join(dir, 'log.jsonl')
  writeFileSync(file, '{"update":1}\n{"upd')
  const warnings: string[] = []
  let full = false
  const log = createRunLog(
    file,
    (w) => warnings.push(w),
    (name, text) => {
      writeFileSync(name, full ? text.slice(0, 10) : text, { flag: 'a' })
      if (full) throw noSpace()
    },
  )
  log({ update: 2 })
  full = true
  log({ update: 3 })
  log({ update: 4 })
  full = false
  log({ update: 5 })
  const whole = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line).update]
      } catch {
        return []
      }
    })
  expect(whole).toEqual([1, 2, 5])
  expect(warnings).toEqual([`The disk is full: lines of ${file} are lost. Training goes on.`])
})

test('only a full disk is forgiven', () => {
  const warnings: string[] = []
  const warn = (w: string) => warnings.push(w)
  expect(unlessDiskFull(() => {}, warn)).toBe(true)
  expect(
    unlessDiskFull(() => {
      throw noSpace()
    }, warn),
  ).toBe(false)
  expect(warnings).toHaveLength(1)
  expect(() =>
    unlessDiskFull(() => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
    }, warn),
  ).toThrow('EACCES')
  expect(isDiskFull(new Error('outer', { cause: noSpace() }))).toBe(true)
  expect(isDiskFull(undefined)).toBe(false)
})
