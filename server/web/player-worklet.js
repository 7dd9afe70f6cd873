// Plays samples as they come. Starts when a little is buffered; a gap is counted and playback goes on when there is more.
const PREBUFFER = 0.06

class Player extends AudioWorkletProcessor {
  constructor() {
    super()
    this.reset()
    this.port.onmessage = ({ data }) => {
      if (data.type === 'samples') {
        this.queue.push(data.samples)
        this.buffered += data.samples.length
      } else if (data.type === 'end') this.ended = true
      else if (data.type === 'reset') this.reset()
    }
  }

  reset() {
    this.queue = []
    this.offset = 0
    this.buffered = 0
    this.played = 0
    this.playing = false
    this.ended = false
    this.underruns = 0
    this.told = 0
  }

  process(_inputs, outputs) {
    const out = outputs[0][0]
    if (!this.playing) {
      if (this.buffered >= PREBUFFER * sampleRate || (this.ended && this.buffered > 0)) this.playing = true
      else return true
    }
    let at = 0
    while (at < out.length && this.queue.length > 0) {
      const head = this.queue[0]
      const n = Math.min(out.length - at, head.length - this.offset)
      out.set(head.subarray(this.offset, this.offset + n), at)
      at += n
      this.offset += n
      if (this.offset === head.length) {
        this.queue.shift()
        this.offset = 0
      }
    }
    this.played += at
    this.buffered -= at
    if (at < out.length) {
      this.playing = false
      if (this.ended) {
        this.port.postMessage({ type: 'finished', played: this.played, underruns: this.underruns })
        this.ended = false
      } else this.underruns++
    }
    if (this.played - this.told >= sampleRate / 30) {
      this.told = this.played
      this.port.postMessage({ type: 'position', played: this.played, underruns: this.underruns })
    }
    return true
  }
}

registerProcessor('player', Player)
