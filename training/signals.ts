/** How a command of the trainer is told to leave. */

/** Does `work` with a signal that Ctrl-C and SIGTERM set. The second one of a kind ends the process as it always does. */
export async function untilSignalled(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const leave = () => stop.abort()
  process.once('SIGINT', leave)
  process.once('SIGTERM', leave)
  try {
    await work(stop.signal)
  } finally {
    process.off('SIGINT', leave)
    process.off('SIGTERM', leave)
  }
}
