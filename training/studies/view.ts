/** The progress bar of a study: runs done, with the one that is running; a line a run where there is no terminal. */
import progress from 'cli-progress'

export interface StudyProgress {
  readonly done: number
  readonly total: number
  /** Progress of the present run, 0..1. */
  readonly within: number
  readonly label: string
}

export function createStudyView(stream: NodeJS.WriteStream = process.stderr): {
  report(p: StudyProgress): void
  stop(): void
} {
  let bar: progress.SingleBar | undefined
  let printed = -1
  return {
    report({ done, total, within, label }) {
      if (!stream.isTTY) {
        if (done !== printed && label !== '') stream.write(`${done}/${total}  ${label}\n`)
        printed = done
        return
      }
      if (!bar) {
        const format = 'study {bar} {percentage}%  ETA {eta_formatted}  {label}'
        bar = new progress.SingleBar({ stream, format, hideCursor: true, fps: 4 }, progress.Presets.shades_classic)
        bar.start(total, done, { label })
      }
      bar.update(done + within, { label: `${done}/${total} runs  ${label}` })
    },
    stop() {
      bar?.stop()
      bar = undefined
    },
  }
}
