/** A job's own process: what it says goes to a file, what it reports comes over a pipe. It leaves when its runner ends. */
import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { setPriority } from 'node:os'
import path from 'node:path'

export interface ProcessOptions<Message> {
  /** File that its output is appended to. */
  readonly log: string
  /** Priority as `nice` counts it; 0 unless given. */
  readonly nice?: number
  heard(message: Message): void
}

export interface JobProcess {
  readonly child: ChildProcess
  /** Why it ended, for people. */
  readonly ended: Promise<string>
}

/** Starts node with the arguments of `command`: a script and what it is given. */
export function startProcess<Message>(
  command: readonly string[],
  { log, nice = 0, heard }: ProcessOptions<Message>,
): JobProcess {
  const [script, ...args] = command
  mkdirSync(path.dirname(log), { recursive: true })
  const file = openSync(log, 'a')
  const child = fork(script!, args, {
    execArgv: [],
    stdio: ['ignore', file, file, 'ipc'],
    // What is run is what this process was made from.
    env: { ...process.env, SPARSEWAVE_SKIP_BUILD: '1' },
  })
  closeSync(file)
  if (nice !== 0 && child.pid !== undefined) lower(child.pid, nice)
  child.on('message', (message) => heard(message as Message))
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`Its process could not be started (${error.message})`))
    child.once('close', (code, signal) => resolve(`Its process ended with ${signal ?? `code ${code}`}`))
  })
  return { child, ended }
}

function lower(pid: number, nice: number): void {
  try {
    setPriority(pid, nice)
  } catch {
    // It has ended already, or the system does not allow it.
  }
}
