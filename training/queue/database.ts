/**
 * SQLite: the queue's file, and locks that end with the process that holds them. The one file that touches `libsql`, which is loaded
 * only when there is something to do with a queue.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Database as Connection } from 'libsql'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { diskFull } from '../net/disk.ts'

export type { Connection }

/** Milliseconds to wait for another process's transaction. */
const PATIENCE = 10_000
/** A lock may be looked at for a moment; one that is held stays so for long. */
const LOOK = 100

export interface Sqlite {
  /** Opens `file`, made with its folder when it is missing. Throws QUEUE_UNAVAILABLE, DISK_FULL. */
  open(file: string): Connection
  /** Takes the lock `file` for this process, or gives undefined when another one has it. The system frees it however the process ends. */
  lock(file: string): { release(): void } | undefined
  /** Whether a living process has the lock. */
  isLocked(file: string): boolean
}

/** Throws QUEUE_UNAVAILABLE where the library has no build for the platform. */
export async function loadSqlite(): Promise<Sqlite> {
  let Database: typeof import('libsql')
  try {
    Database = (await import('libsql')).default
  } catch (cause) {
    throw new SparsewaveError('QUEUE_UNAVAILABLE', 'The queue of jobs needs SQLite, which cannot be loaded here.', {
      remedy: 'Run `npm install`; without SQLite, `sparsewave train` and `sparsewave study` work as ever.',
      cause,
    })
  }
  const attempt = <T>(file: string, timeout: number, use: (db: Connection) => T): T | undefined => {
    const db = new Database(file, { timeout })
    try {
      return use(db)
    } catch (error) {
      db.close()
      if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined
      throw diskFull(error, file)
    }
  }
  return {
    open(file) {
      mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
      try {
        const db = new Database(file, { timeout: PATIENCE })
        // A finished transaction is on the disk, and readers do not wait for writers.
        db.exec('pragma journal_mode = wal; pragma synchronous = full')
        return db
      } catch (cause) {
        const full = diskFull(cause, file)
        if (full !== cause) throw full
        throw new SparsewaveError('QUEUE_UNAVAILABLE', `Cannot open the queue ${file} (${(cause as Error).message}).`, {
          cause,
        })
      }
    },
    // An exclusive transaction on an empty database is a lock of the file, and writes nothing.
    lock: (file) =>
      attempt(file, LOOK, (db) => {
        db.exec('begin exclusive')
        return { release: () => void db.close() }
      }),
    isLocked(file) {
      const free = attempt(file, 0, (db) => {
        db.prepare('select 1 from sqlite_master').all()
        db.close()
        return true
      })
      return free !== true
    },
  }
}
