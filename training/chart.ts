/** Line charts as SVG, several beside each other, readable on light and dark pages. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}
export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** Where y begins (default 0). */
  readonly yFrom?: number
  readonly series: readonly Series[]
}

const COLORS = ['#2a78b8', '#d1592a', '#3a9a5c', '#9457b3', '#b8961d', '#7a7f86', '#c2407a', '#2aa3a3']
const WIDTH = 460
const HEIGHT = 370
const LEFT = 56
const TOP = 34
const PLOT = { width: WIDTH - LEFT - 16, height: HEIGHT - TOP - 140 }

const encode = (text: string) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!)

/** The SVG document, called `title`; x values are placed in equal steps. */
export function svgCharts(title: string, charts: readonly Chart[]): string {
  const body = charts.map((chart, i) => `<g transform="translate(${i * WIDTH} 0)">${panel(chart)}</g>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${charts.length * WIDTH}" height="${HEIGHT}" viewBox="0 0 ${charts.length * WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<title>${encode(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${body.join('\n')}
</svg>
`
}

function panel({ title, xLabel, yLabel, series, yFrom = 0 }: Chart): string {
  const xs = [...new Set(series.flatMap((s) => s.points.map(([x]) => x)))].sort((a, b) => a - b)
  const top = Math.max(...series.flatMap((s) => s.points.map(([, y]) => y)))
  const unit = 10 ** Math.floor(Math.log10(top - yFrom))
  const tick = [0.2, 0.5, 1, 2].map((f) => f * unit).find((t) => (top - yFrom) / t <= 6)!
  const bottom = Math.floor(yFrom / tick) * tick
  const limit = Math.ceil(top / tick) * tick
  const x = (v: number) => LEFT + (PLOT.width * (xs.indexOf(v) + 0.5)) / xs.length
  const y = (v: number) => TOP + PLOT.height * (1 - (v - bottom) / (limit - bottom))
  const parts = [`<text x="${LEFT}" y="18" font-size="13" font-weight="bold">${encode(title)}</text>`]
  for (let v = bottom; v <= limit + tick / 2; v += tick) {
    parts.push(`<path d="M${LEFT} ${y(v)}h${PLOT.width}" stroke="#ddd"/>`)
    parts.push(`<text x="${LEFT - 6}" y="${y(v) + 4}" text-anchor="end">${Number(v.toPrecision(3))}</text>`)
  }
  for (const v of xs) parts.push(`<text x="${x(v)}" y="${TOP + PLOT.height + 16}" text-anchor="middle">${v}</text>`)
  parts.push(
    `<text x="${LEFT + PLOT.width / 2}" y="${TOP + PLOT.height + 32}" text-anchor="middle">${encode(xLabel)}</text>`,
    `<text transform="translate(14 ${TOP + PLOT.height / 2}) rotate(-90)" text-anchor="middle">${encode(yLabel)}</text>`,
  )
  for (const [i, { name, points }] of series.entries()) {
    const color = COLORS[i % COLORS.length]!
    const path = points.map(([a, b], k) => `${k ? 'L' : 'M'}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join('')
    parts.push(`<path d="${path}" fill="none" stroke="${color}" stroke-width="2"/>`)
    for (const [a, b] of points)
      parts.push(`<circle cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="3" fill="${color}"/>`)
    const column = LEFT + (i % 2) * 200
    const row = TOP + PLOT.height + 50 + Math.floor(i / 2) * 15
    parts.push(`<rect x="${column}" y="${row - 8}" width="14" height="4" fill="${color}"/>`)
    parts.push(`<text x="${column + 20}" y="${row - 2}">${encode(name)}</text>`)
  }
  return parts.join('')
}
