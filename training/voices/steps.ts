/** Progress of the steps of a voice: a bar each on a terminal, a line when a step ends elsewhere. */
import progress from 'cli-progress'

export interface StepView {
  /** Begins a step; the one before is finished. */
  begin(name: string): void
  progress(done: number, total: number): void
  /** Ends the step with a sentence. */
  end(what: string): void
  /** Leaves the terminal as it was. */
  stop(): void
}

export function createStepView(stream: NodeJS.WriteStream = process.stderr): StepView {
  let bar: progress.SingleBar | undefined
  let label = ''
  const stop = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    stop,
    begin(name) {
      stop()
      label = name.padEnd(7)
      if (!stream.isTTY) return
      bar = new progress.SingleBar(
        {
          stream,
          format: `${label} {bar} {value}/{total}  ETA {eta_formatted}`,
          hideCursor: true,
          fps: 4,
          clearOnComplete: true,
        },
        progress.Presets.shades_classic,
      )
      bar.start(1, 0)
    },
    progress(done, total) {
      if (!bar) return
      bar.setTotal(Math.max(1, total))
      bar.update(done)
    },
    end(what) {
      stop()
      stream.write(`${label} ${what}\n`)
    },
  }
}
