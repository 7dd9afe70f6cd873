/** Results as one tar file, written once and then served. */
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'

export interface ResultFile {
  readonly name: string
  readonly bytes: Uint8Array
}

const FILE = 'result.tar'

/** The package of a job's result below `prefix`; `files` is asked for them when it is not there yet. Gives its path. */
export async function packResult(folder: string, prefix: string, files: () => readonly ResultFile[]): Promise<string> {
  const target = path.join(folder, FILE)
  if (existsSync(target)) return target
  const partial = `${target}.${process.pid}`
  const archive = pack()
  const written = pipeline(archive, createWriteStream(partial))
  written.catch(() => {})
  try {
    // The same result gives the same bytes.
    for (const { name, bytes } of files())
      archive.entry(
        { name: `${prefix}/${name}`, mtime: new Date(0) },
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      )
    archive.finalize()
    await written
    renameSync(partial, target)
    return target
  } catch (error) {
    archive.destroy()
    rmSync(partial, { force: true })
    throw error
  }
}

/** Forgets the package: the job goes on. */
export const dropResult = (folder: string): void => rmSync(path.join(folder, FILE), { force: true })
