/** Recordings as dots, so that the odd ones stand apart at first sight. */
import { escapeHtml } from 'sparsewave/internal/html'

export interface Dot {
  readonly x: number
  readonly y: number
  /** 2 = left out, 1 = has a remark, 0 = fine. */
  readonly grade: 0 | 1 | 2
  readonly title: string
  /** Anchor in the page. */
  readonly link: string
}

export interface Scatter {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly x: readonly [number, number]
  readonly y: readonly [number, number]
  /** Limits drawn as lines: beyond them a recording is left out. */
  readonly limits?: { readonly x?: number; readonly y?: number }
  readonly dots: readonly Dot[]
}

export const GRADES = ['#2e8b57', '#d68910', '#c0392b'] as const
const WIDTH = 360
const HEIGHT = 250
const [LEFT, TOP, RIGHT, BOTTOM] = [46, 28, 10, 40]

/** An SVG; values beyond the axes are drawn at their ends. */
export function scatterSvg({ title, xLabel, yLabel, x, y, limits = {}, dots }: Scatter): string {
  const inner = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }
  const place = (v: number, [from, to]: readonly [number, number]) => Math.min(1, Math.max(0, (v - from) / (to - from)))
  const px = (v: number) => LEFT + inner.width * place(v, x)
  const py = (v: number) => TOP + inner.height * (1 - place(v, y))
  const ticks = ([from, to]: readonly [number, number]) => [0, 0.25, 0.5, 0.75, 1].map((t) => from + t * (to - from))
  const label = (v: number) => String(Number(v.toPrecision(3)))
  const axes = [
    ...ticks(x).map(
      (v) =>
        `<path d="M${px(v)} ${TOP}v${inner.height}" stroke="#ddd"/><text x="${px(v)}" y="${HEIGHT - BOTTOM + 14}" text-anchor="middle">${label(v)}</text>`,
    ),
    ...ticks(y).map(
      (v) =>
        `<path d="M${LEFT} ${py(v)}h${inner.width}" stroke="#ddd"/><text x="${LEFT - 5}" y="${py(v) + 4}" text-anchor="end">${label(v)}</text>`,
    ),
    limits.x === undefined
      ? ''
      : `<path d="M${px(limits.x)} ${TOP}v${inner.height}" stroke="${GRADES[2]}" stroke-dasharray="4 3"/>`,
    limits.y === undefined
      ? ''
      : `<path d="M${LEFT} ${py(limits.y)}h${inner.width}" stroke="${GRADES[2]}" stroke-dasharray="4 3"/>`,
  ]
  // The bad ones last, so that they lie on top.
  const drawn = [...dots]
    .sort((a, b) => a.grade - b.grade)
    .map(
      (d) =>
        `<a href="#${d.link}"><circle cx="${px(d.x).toFixed(1)}" cy="${py(d.y).toFixed(1)}" r="${d.grade === 0 ? 3 : 4.5}" fill="${GRADES[d.grade]}" fill-opacity=".75"><title>${escapeHtml(d.title)}</title></circle></a>`,
    )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/><text x="${LEFT}" y="17" font-size="13" font-weight="bold">${escapeHtml(title)}</text>${axes.join('')}<text x="${LEFT + inner.width / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(xLabel)}</text><text transform="translate(12 ${TOP + inner.height / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>${drawn.join('')}</svg>`
}
