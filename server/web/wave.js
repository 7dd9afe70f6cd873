// The sound so far: peaks of 10 ms pieces for drawing, all samples for saving.
export class Wave {
  constructor(rate) {
    this.rate = rate
    this.parts = []
    this.peaks = []
    this.length = 0
    this.peak = 0
    this.filled = 0
  }

  add(samples) {
    this.parts.push(samples.slice())
    this.length += samples.length
    for (const v of samples) {
      this.peak = Math.max(this.peak, Math.abs(v))
      if (++this.filled === this.rate / 100) {
        this.peaks.push(this.peak)
        this.peak = 0
        this.filled = 0
      }
    }
  }

  /** Draws the peaks; those before sample `played` in the first colour, the rest in the second. */
  draw(canvas, columns, played, colors) {
    const { width, height } = canvas
    const ink = canvas.getContext('2d')
    ink.clearRect(0, 0, width, height)
    const heard = played / (this.rate / 100)
    const bar = width / columns
    this.peaks.forEach((peak, i) => {
      ink.fillStyle = colors[i < heard ? 0 : 1]
      const h = Math.max(1, peak * height * 0.95)
      ink.fillRect(i * bar, (height - h) / 2, Math.max(bar * 0.8, 0.5), h)
    })
  }

  wav() {
    const view = new DataView(new ArrayBuffer(44 + 2 * this.length))
    const tag = (at, text) => {
      for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i))
    }
    tag(0, 'RIFF')
    view.setUint32(4, 36 + 2 * this.length, true)
    tag(8, 'WAVEfmt ')
    view.setUint32(16, 16, true)
    view.setUint16(20, 1, true)
    view.setUint16(22, 1, true)
    view.setUint32(24, this.rate, true)
    view.setUint32(28, 2 * this.rate, true)
    view.setUint16(32, 2, true)
    view.setUint16(34, 16, true)
    tag(36, 'data')
    view.setUint32(40, 2 * this.length, true)
    let at = 44
    for (const part of this.parts) {
      for (const v of part) {
        view.setInt16(at, Math.round(v * 32767), true)
        at += 2
      }
    }
    return new Blob([view], { type: 'audio/wav' })
  }
}
