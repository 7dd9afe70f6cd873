/** A fault inside the server as the log may hold it: where it happened, without its message, which may quote a caller's text. */
export interface Fault {
  readonly type: string
  readonly code?: string
  /** Places in the code, innermost first. */
  readonly at: readonly string[]
}

export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { type: typeof error, at: [] }
  const at = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const { code } = error as NodeJS.ErrnoException
  return { type: error.name, ...(typeof code === 'string' && { code }), at: at.slice(0, 12).map((line) => line.trim()) }
}

/** An error of a client's making. Where it was found interests nobody, and finding that costs more than all the rest. */
export function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
