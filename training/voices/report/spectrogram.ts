/** A recording as a picture: its mel spectrogram, with its words below where they are known. */
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { escapeHtml } from 'sparsewave/internal/html'
import { ALIGN_HOP, MEL_BANDS, melPower } from '../align/features.ts'
import { encodePng } from './png.ts'

/** dB between black and white. */
const RANGE = 70
const BAND_HEIGHT = 2
const FRAME_WIDTH = 2

export interface Mark {
  readonly text: string
  /** Seconds. */
  readonly start: number
  readonly end: number
  readonly bad?: boolean
}

/** An SVG with the spectrogram inside; `lines`: seconds at which thin lines are drawn. */
export function spectrogramSvg(samples: Float32Array, marks: readonly Mark[], lines: readonly number[] = []): string {
  const power = melPower(samples)
  const frames = power.length / MEL_BANDS
  const loudest = power.reduce((a, v) => Math.max(a, v), 1e-12)
  const height = MEL_BANDS * BAND_HEIGHT
  const pixels = new Uint8Array(frames * height)
  for (let f = 0; f < frames; f++)
    for (let b = 0; b < MEL_BANDS; b++) {
      const db = 10 * Math.log10(power[f * MEL_BANDS + b]! / loudest + 1e-12)
      const grey = Math.round(255 * Math.min(1, Math.max(0, -db / RANGE)))
      for (let k = 0; k < BAND_HEIGHT; k++) pixels[(height - 1 - b * BAND_HEIGHT - k) * frames + f] = grey
    }
  const png = Buffer.from(encodePng(pixels, frames, height)).toString('base64')
  const x = (seconds: number) => ((seconds * SAMPLE_RATE * FRAME_WIDTH) / ALIGN_HOP).toFixed(1)
  const width = frames * FRAME_WIDTH
  const total = marks.length > 0 ? height + 34 : height
  const drawn = marks.map(({ text, start, end, bad }, i) => {
    const color = bad ? '#c0392b' : '#2471a3'
    const middle = ((start + end) / 2) * (SAMPLE_RATE / ALIGN_HOP) * FRAME_WIDTH
    // Neighbours stand in two rows, so that short words do not cover one another.
    return `<path d="M${x(start)} 0V${height}M${x(end)} 0V${height}" stroke="${color}" stroke-width="1"/><text x="${middle.toFixed(1)}" y="${height + 13 + 15 * (i % 2)}" text-anchor="middle" fill="${color}">${escapeHtml(text)}</text>`
  })
  const thin = lines.map((s) => `M${x(s)} 0V${height}`).join('')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-family="sans-serif" font-size="11"><image href="data:image/png;base64,${png}" width="${width}" height="${height}" preserveAspectRatio="none"/><path d="${thin}" stroke="#e67e22" stroke-width=".6" opacity=".8"/>${drawn.join('')}</svg>`
}
