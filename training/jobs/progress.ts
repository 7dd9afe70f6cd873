/**
 * The progress bar of training: one line on a terminal, a line a minute elsewhere, so that logs stay readable.
 */
import progress from 'cli-progress'
import type { Progress } from '../net/context.ts'

const LABELS: Record<Progress['stage'], string> = { features: 'features', train: 'training', validation: 'training' }

export interface ProgressView {
  report(progress: Progress): void
  /** Ends the bar's line, if there is one. */
  stop(): void
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-'
  const s = Math.round(seconds)
  const two = (v: number) => String(v).padStart(2, '0')
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
    : `${Math.floor(s / 60)}:${two(s % 60)}`
}

function speed(p: Progress): string {
  const parts: string[] = []
  if (p.loss !== undefined) parts.push(`loss ${p.loss.toFixed(3)}`)
  if (p.stepsPerSecond !== undefined) parts.push(`${Math.round(p.stepsPerSecond / 1000)}k steps/s`)
  if (p.audioPerSecond !== undefined) parts.push(`${p.audioPerSecond.toFixed(1)} s audio/s`)
  return parts.join('  ')
}

/** @param now a clock in milliseconds */
export function createProgressView(
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): ProgressView {
  let bar: progress.SingleBar | undefined
  let stage: string | undefined
  let began = 0
  let from = 0
  let printed = 0
  let heldOut = ''
  const eta = (p: Progress): string => {
    const rate = (p.done - from) / ((now() - began) / 1000)
    return duration((p.total - p.done) / rate)
  }
  const stop = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    stop,
    report(p) {
      if (p.stage === 'validation') {
        heldOut = `  held-out ${p.loss?.toFixed(3)}`
        return
      }
      if (p.stage !== stage) {
        stop()
        stage = p.stage
        began = now()
        from = p.done
        printed = began
        if (stream.isTTY) {
          bar = new progress.SingleBar(
            {
              stream,
              etaBuffer: 50,
              format: `{label} {bar} {value}/{total}  ETA {left}  {speed}`,
              formatBar: progress.Format.BarFormat,
              hideCursor: true,
              fps: 4,
            },
            progress.Presets.shades_classic,
          )
          bar.start(p.total, p.done, { label: LABELS[p.stage], left: '-', speed: '' })
        }
      }
      const detail = `${speed(p)}${heldOut}`
      if (bar) bar.update(p.done, { left: eta(p), speed: detail })
      else if (p.done === p.total || now() - printed > 60_000) {
        printed = now()
        stream.write(`${LABELS[p.stage]} ${p.done}/${p.total}  ETA ${eta(p)}  ${detail}\n`)
      }
    },
  }
}
