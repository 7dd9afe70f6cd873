/** Folders outside the clone in which `sparsewave` is installed, as a user has it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { PACKAGE_ROOT } from '../../src/root.ts'

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class Outside {
  readonly folder = mkdtempSync(join(tmpdir(), 'sparsewave-outside-'))
  readonly #children = new Set<ChildProcess>()

  constructor() {
    symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(this.folder, 'node_modules'), 'dir')
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  /** Starts a program in the folder, with the tests' voice. */
  start(command: string, args: readonly string[], env: Record<string, string> = {}, cwd = this.folder): ChildProcess {
    const child = spawn(command, args, { cwd, env: { ...process.env, SPARSEWAVE_VOICE: 'tiny', ...env } })
    this.#children.add(child)
    child.on('close', () => this.#children.delete(child))
    return child
  }

  async run(command: string, args: readonly string[], env?: Record<string, string>, cwd?: string): Promise<Finished> {
    const child = this.start(command, args, env, cwd)
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', (data) => (stdout += data))
    child.stderr!.on('data', (data) => (stderr += data))
    const [code] = await once(child, 'close')
    return { code, stdout, stderr }
  }

  /** Resolves with the first match in what a program says, on stdout or stderr. */
  said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      let heard = ''
      const hear = (data: unknown): void => {
        heard += data
        const found = pattern.exec(heard)
        if (found) resolve(found)
      }
      child.stdout!.on('data', hear)
      child.stderr!.on('data', hear)
      child.on('close', () => reject(new Error(heard)))
    })
  }

  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
}

/** Serves files: a path's first folder is looked up in `folders`, '' stands for all others. Paths are tests' own. */
export async function serveFiles(folders: Readonly<Record<string, string>>) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const prefix = Object.keys(folders).find((name) => name !== '' && pathname.startsWith(name)) ?? ''
    const rest = pathname.slice(prefix.length)
    const file = rest === '' || rest === '/' ? 'index.html' : rest
    try {
      const body = await readFile(join(folders[prefix]!, file))
      const type = MEDIA_TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { 'Content-Type': type, 'Access-Control-Allow-Origin': '*' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0)
  await once(server, 'listening')
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}
