// Loss curves: one colour a job, a line for training, dots for held-out recordings.
const COLORS = {
  light: ['#0b6e63', '#b4470b', '#5b4bb5', '#8a1c5b', '#3f6212', '#1f5fa8'],
  dark: ['#5cc9b9', '#ffb066', '#b3a6ff', '#ff9ac8', '#b5d86b', '#8fc2ff'],
}
const dark = matchMedia('(prefers-color-scheme: dark)')

export const colorOf = (i) => COLORS[dark.matches ? 'dark' : 'light'][i % 6]
export const onTheme = (draw) => dark.addEventListener('change', draw)

/** Round steps that part a range into about five. */
export function ticks(from, to, about = 5) {
  const raw = (to - from) / about || 1
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].find((m) => m * power >= raw) * power
  const found = []
  for (let v = Math.ceil(from / step) * step; v <= to + step * 1e-9; v += step) found.push(Number(v.toFixed(10)))
  return found
}

/** Range of values for the axis: what lies far above the rest, as at the start of a run, is cut. */
export function rangeOf(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const low = sorted[0]
  const high = sorted[Math.floor(0.98 * (sorted.length - 1))]
  const margin = 0.06 * (high - low) || 0.5
  return [low - margin, high + margin]
}

const short = (v) => (Math.abs(v) >= 10_000 ? `${v / 1000}k` : `${v}`)

/** @param runs {train: [x, y][], held: [x, y][]}[] */
export function drawLosses(canvas, runs, unit) {
  const ratio = devicePixelRatio
  const { clientWidth: width, clientHeight: height } = canvas
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const ink = canvas.getContext('2d')
  ink.scale(ratio, ratio)
  const style = getComputedStyle(document.documentElement)
  const color = (name) => style.getPropertyValue(name).trim()
  ink.font = '12px system-ui, sans-serif'
  ink.fillStyle = color('--soft')
  const points = runs.flatMap(({ train, held }) => [...train, ...held])
  if (points.length === 0) {
    ink.fillText('No losses yet.', 12, 24)
    return
  }
  const left = 48
  const [top, bottom, right] = [10, height - 26, width - 12]
  const last = Math.max(...points.map(([x]) => x), 1)
  const [low, high] = rangeOf(points.map(([, y]) => y))
  const at = (x, y) => [
    left + ((right - left) * x) / last,
    bottom - ((bottom - top) * (Math.min(y, high) - low)) / (high - low),
  ]
  ink.strokeStyle = color('--line')
  ink.lineWidth = 0.5
  ink.textAlign = 'right'
  ink.textBaseline = 'middle'
  for (const y of ticks(low, high)) {
    const [, v] = at(0, y)
    ink.beginPath()
    ink.moveTo(left, v)
    ink.lineTo(right, v)
    ink.stroke()
    ink.fillText(short(y), left - 6, v)
  }
  ink.textAlign = 'center'
  ink.textBaseline = 'top'
  for (const x of ticks(0, last, width < 500 ? 3 : 6))
    if (Number.isInteger(x)) ink.fillText(short(x), Math.min(at(x, low)[0], right - 8), bottom + 6)
  ink.textAlign = 'left'
  ink.fillText(unit, left + 4, top)
  runs.forEach(({ train, held }, i) => {
    ink.strokeStyle = ink.fillStyle = colorOf(i)
    ink.lineWidth = 1.6
    ink.beginPath()
    for (const point of train) ink.lineTo(...at(...point))
    ink.stroke()
    for (const [x, y] of held) {
      ink.beginPath()
      ink.arc(...at(x, y), 3.2, 0, 2 * Math.PI)
      ink.fill()
    }
  })
}
