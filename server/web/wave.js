// What is drawn and saved of a sound: the peaks of its 10 ms pieces, and WAV and PCM files.

/** Peaks of 10 ms pieces of a sound that grows. */
export class Peaks {
  constructor(rate) {
    this.piece = rate / 100
    this.values = []
    this.peak = 0
    this.filled = 0
  }

  add(samples) {
    for (const v of samples) {
      this.peak = Math.max(this.peak, Math.abs(v))
      if (++this.filled === this.piece) {
        this.values.push(this.peak)
        this.peak = 0
        this.filled = 0
      }
    }
  }
}

/** 16-bit samples, little endian. */
export function pcm(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length))
  samples.forEach((v, i) => {
    view.setInt16(2 * i, Math.round(v * 32767), true)
  })
  return new Blob([view], { type: 'audio/pcm' })
}

export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44))
  const tag = (at, text) => {
    for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i))
  }
  tag(0, 'RIFF')
  view.setUint32(4, 36 + 2 * samples.length, true)
  tag(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, 2 * rate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  tag(36, 'data')
  view.setUint32(40, 2 * samples.length, true)
  return new Blob([view, pcm(samples)], { type: 'audio/wav' })
}
