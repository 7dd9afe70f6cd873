// Waveform and spectrogram with their axes. Both have the same time axis, so that they can be read together.
import { Spectrogram } from './spectrogram.js'

/** Points of the screen round the plots, for the labels. */
const LEFT = 40
const RIGHT = 12
const TOP = 8
const BOTTOM = 22
/** Shortest time axis, seconds. */
const SHORTEST = 3

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600]

export class Plots {
  constructor(wave, spectrogram, rate, seek) {
    this.canvases = { wave, spectrogram }
    this.rate = rate
    this.picture = document.createElement('canvas')
    this.clear()
    for (const canvas of [wave, spectrogram])
      canvas.addEventListener('click', ({ offsetX }) => {
        const part = (offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT)
        seek(Math.max(0, part) * this.shown)
      })
  }

  clear() {
    this.painted = 0
    this.shown = SHORTEST
    this.picture.width = 0
  }

  /** Colours have changed: the picture of the spectrogram is painted again. */
  repaint() {
    this.clear()
  }

  /** Draws `peaks` (10 ms each) and a spectrogram's columns, heard up to `position` of `seconds`. */
  draw(peaks, columns, seconds, position) {
    this.shown = Math.max(SHORTEST, seconds)
    const style = getComputedStyle(document.documentElement)
    const colour = (name) => style.getPropertyValue(name).trim()
    const colours = Object.fromEntries(
      ['card', 'ink', 'soft', 'line', 'edge', 'accent'].map((name) => [name, colour(`--${name}`)]),
    )
    this.drawWave(peaks, position, colours)
    this.drawSpectrogram(columns, position, colours)
  }

  drawWave(peaks, position, colours) {
    const plot = this.open(this.canvases.wave, colours)
    const { ink, width, height } = plot
    const most = Math.max(0.25, Math.ceil(4 * peaks.reduce((a, b) => Math.max(a, b), 0)) / 4)
    for (const value of [-most, 0, most]) plot.level(0.5 + value / (2 * most), String(value).replace('-', '−'))
    const middle = TOP + height / 2
    const scale = height / (2 * most)
    const heard = position * 100
    const across = width / (this.shown * 100)
    // One bar for each point of the screen, as high as the highest peak there.
    const perBar = Math.max(1, Math.ceil(1 / across))
    for (let i = 0; i < peaks.length; i += perBar) {
      let peak = 0
      for (let k = i; k < Math.min(peaks.length, i + perBar); k++) peak = Math.max(peak, peaks[k])
      ink.fillStyle = i < heard ? colours.accent : colours.edge
      const h = Math.max(1, 2 * peak * scale)
      ink.fillRect(LEFT + i * across, middle - h / 2, Math.max(0.6, perBar * across * 0.85), h)
    }
    plot.playhead(position)
  }

  drawSpectrogram(columns, position, colours) {
    const plot = this.open(this.canvases.spectrogram, colours)
    const { ink, width, height } = plot
    this.paint(columns, colours)
    const seconds = (columns.length * Spectrogram.HOP) / this.rate
    if (columns.length > 0) {
      const across = (width * seconds) / this.shown
      ink.drawImage(this.picture, 0, 0, columns.length, Spectrogram.BANDS, LEFT, TOP, across, height)
    }
    for (const khz of [0, 0.5, 1, 2, 4, 8]) plot.level(Spectrogram.place(1000 * khz, this.rate), String(khz))
    plot.playhead(position)
  }

  /** Paints the columns that are new, one point each. */
  paint(columns, colours) {
    const { picture } = this
    if (columns.length === this.painted) return
    if (columns.length > picture.width || this.painted === 0) {
      const old =
        picture.width > 0 ? picture.getContext('2d').getImageData(0, 0, picture.width, Spectrogram.BANDS) : null
      picture.width = Math.max(512, 2 * columns.length)
      picture.height = Spectrogram.BANDS
      if (old) picture.getContext('2d').putImageData(old, 0, 0)
    }
    const from = this.painted
    const count = columns.length - from
    const image = new ImageData(count, Spectrogram.BANDS)
    const ramp = rampOf(colours)
    for (let x = 0; x < count; x++) {
      const levels = columns[from + x]
      for (let band = 0; band < levels.length; band++)
        image.data.set(ramp[levels[band]], 4 * ((Spectrogram.BANDS - 1 - band) * count + x))
    }
    picture.getContext('2d').putImageData(image, from, 0)
    this.painted = columns.length
  }

  /** A canvas with as many points as the screen has there, its frame and time axis drawn. */
  open(canvas, colours) {
    const ratio = window.devicePixelRatio || 1
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight]
    if (canvas.width !== Math.round(wide * ratio)) canvas.width = Math.round(wide * ratio)
    if (canvas.height !== Math.round(high * ratio)) canvas.height = Math.round(high * ratio)
    const ink = canvas.getContext('2d')
    ink.setTransform(ratio, 0, 0, ratio, 0, 0)
    ink.clearRect(0, 0, wide, high)
    const width = wide - LEFT - RIGHT
    const height = high - TOP - BOTTOM
    ink.font = '12px system-ui, sans-serif'
    ink.lineWidth = 1
    ink.strokeStyle = colours.line
    ink.strokeRect(LEFT - 0.5, TOP - 0.5, width + 1, height + 1)
    const { shown } = this
    const step = STEPS.find((s) => (s * width) / shown > 48) ?? STEPS.at(-1)
    ink.fillStyle = colours.soft
    ink.textAlign = 'center'
    ink.textBaseline = 'top'
    for (let i = 0; i * step <= shown; i++) {
      const x = LEFT + (i * step * width) / shown
      ink.fillRect(x - 0.5, TOP + height, 1, 4)
      ink.fillText(step < 1 ? (i * step).toFixed(1) : String(i * step), x, TOP + height + 7)
    }
    return {
      ink,
      width,
      height,
      /** A label of the upright axis; 0 = bottom. */
      level(part, label) {
        const y = TOP + height * (1 - part)
        ink.fillStyle = colours.soft
        ink.fillRect(LEFT - 4, y - 0.5, 4, 1)
        ink.textAlign = 'right'
        ink.textBaseline = 'middle'
        ink.fillText(label, LEFT - 7, Math.max(6, y))
      },
      playhead(position) {
        if (position <= 0) return
        ink.fillStyle = colours.ink
        ink.fillRect(LEFT + (position * width) / shown - 0.75, TOP, 1.5, height)
      },
    }
  }
}

/** 256 colours from the card over the accent to the ink. */
function rampOf({ card, accent, ink }) {
  const [a, b, c] = [card, accent, ink].map((hex) => hex.match(/\w\w/g).map((v) => Number.parseInt(v, 16)))
  return Array.from({ length: 256 }, (_, level) => {
    const t = (2 * level) / 255
    const [from, to, part] = t < 1 ? [a, b, t] : [b, c, t - 1]
    return [...from.map((v, i) => v + (to[i] - v) * part), 255]
  })
}
