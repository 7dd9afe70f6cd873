/** The built server as a process of its own, for benchmarks that look at it from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'

export interface ServerProcess {
  readonly process: ChildProcess
  readonly pid: number
  readonly port: number
  readonly wyomingPort: number
  stop(): Promise<void>
}

/** Starts `sparsewave serve` on free ports; it gets this process's Node options too, so that it can be profiled. */
export async function startServerProcess(env: Record<string, string> = {}): Promise<ServerProcess> {
  const args = [
    ...process.execArgv,
    join(PACKAGE_ROOT, 'bin/sparsewave.mjs'),
    'serve',
    '--port',
    '0',
    '--wyoming-port',
    '0',
  ]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, SPARSEWAVE_LOG_LEVEL: 'silent', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  for await (const piece of child.stderr!) {
    said += piece
    const port = /localhost:(\d+)/.exec(said)?.[1]
    const wyomingPort = /Wyoming on port (\d+)/.exec(said)?.[1]
    if (!port || !wyomingPort) continue
    child.stderr!.destroy()
    return {
      process: child,
      pid: child.pid!,
      port: Number(port),
      wyomingPort: Number(wyomingPort),
      async stop() {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill('SIGTERM')
        await once(child, 'exit')
      },
    }
  }
  throw new Error(`The server did not start: ${said}`)
}

interface Usage {
  readonly cpu: number
  readonly memory: number
  readonly files: number
}

/** CPU seconds, resident MiB and open files of a process and its children, as Linux tells. */
export function usage(pid: number): Usage {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [pid, ...children].map(usageOfOne).reduce((a, b) => ({
    cpu: a.cpu + b.cpu,
    memory: a.memory + b.memory,
    files: a.files + b.files,
  }))
}

function usageOfOne(pid: number | string): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / 100,
    memory: (pages * 4096) / 2 ** 20,
    files: readdirSync(`/proc/${pid}/fd`).length,
  }
}
