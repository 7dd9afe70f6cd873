// Plays a sound that may still be growing: play, pause, seek, and speed with the pitch kept. Pieces of 50 ms are handed to
// Web Audio a little ahead of time. That works in every page. An AudioWorklet would need HTTPS.
import { Stretch } from './stretch.js'

/** Seconds. A page in the background is woken once a second. */
const PIECE = 0.05
const AHEAD = 0.25
const AHEAD_HIDDEN = 2.5
/** Playback starts when this much has come, and starts again so after an underrun. */
const PREBUFFER = 0.06
const TICK = 40
/** Fades out what is cut off, so that it does not click. */
const FADE = 0.008

/** A browser that has no device to play on never starts. Milliseconds until it is taken for one, at first and later. */
const START = 3000
const START_AGAIN = 300

let real // shared: browsers allow few
let context // the one that players begin with
let patience = START

/**
 * Call it from a click: browsers demand one before a page may sound. Returns whether there is something to sound on. Without
 * it players run all the same, in silence.
 */
export async function openAudio(rate) {
  if (!real && globalThis.AudioContext) real = new AudioContext({ sampleRate: rate })
  await Promise.race([real?.resume(), new Promise((resolve) => setTimeout(resolve, patience))])
  const sounds = real?.state === 'running'
  if (!sounds) patience = START_AGAIN
  context = sounds ? real : new SilentContext()
  return sounds
}

/** A clock in the place of Web Audio. */
class SilentContext {
  destination = undefined
  get currentTime() {
    return performance.now() / 1000
  }
  createGain() {
    return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect() {} }
  }
  createBuffer() {
    return { copyToChannel() {} }
  }
  createBufferSource() {
    return { connect() {}, start() {}, stop() {} }
  }
}

export class Player {
  /** `changed` is called when something is played, and as time passes; `finished` when the end has been heard. */
  constructor(rate, { changed = () => {}, finished = () => {} } = {}) {
    this.rate = rate
    this.changed = changed
    this.finished = finished
    this.speed = 1
    this.clear()
  }

  /** Forgets the sound. */
  clear() {
    this.halt()
    this.samples = new Float32Array(this.rate)
    this.length = 0
    this.ended = false
    this.playing = false
    this.place = 0 // sample that is played next, while nothing plays
    this.underruns = 0
  }

  add(samples) {
    if (this.length + samples.length > this.samples.length) {
      const larger = new Float32Array(2 * (this.length + samples.length))
      larger.set(this.samples.subarray(0, this.length))
      this.samples = larger
    }
    this.samples.set(samples, this.length)
    this.length += samples.length
    if (this.playing) this.fill()
  }

  /** Nothing more will come. */
  end() {
    this.ended = true
    if (this.playing) this.fill()
  }

  play() {
    if (this.playing) return
    if (this.ended && this.place >= this.length) this.place = 0
    this.playing = true
    this.begin()
  }

  pause() {
    if (!this.playing) return
    this.place = this.position * this.rate
    this.halt()
    this.playing = false
    this.changed()
  }

  /** Goes to `seconds`. */
  seek(seconds) {
    const { playing } = this
    this.halt()
    this.place = Math.max(0, Math.min(this.length, Math.round(seconds * this.rate)))
    if (playing) this.begin()
    this.changed()
  }

  setSpeed(speed) {
    const place = this.position
    this.speed = speed
    this.seek(place)
  }

  /** Seconds of the sound that have been heard. */
  get position() {
    const { place, rate, context } = this
    if (!this.playing) return place / rate
    const now = context.currentTime - (context.outputLatency || 0)
    const piece = this.pieces.findLast(({ at }) => at <= now)
    if (!piece) return (this.pieces[0]?.from ?? place) / rate
    const part = Math.min(1, (now - piece.at) / (piece.until - piece.at))
    return (piece.from + part * (piece.to - piece.from)) / rate
  }

  begin() {
    this.context = context
    this.out = this.context.createGain()
    this.out.connect(this.context.destination)
    this.pieces = []
    this.next = 0
    this.reader = new Stretch(this, Math.round(this.place), this.speed)
    this.timer = setInterval(() => this.fill(), TICK)
    this.fill()
  }

  /** Cuts off what has been handed over. */
  halt() {
    clearInterval(this.timer)
    for (const { source } of this.pieces ?? []) source.stop(this.context.currentTime + FADE)
    if (this.out) {
      this.out.gain.setValueAtTime(1, this.context.currentTime)
      this.out.gain.linearRampToValueAtTime(0, this.context.currentTime + FADE)
    }
    this.out = undefined
    this.pieces = []
  }

  fill() {
    const { reader, rate, context } = this
    const now = context.currentTime
    // What was heard is kept for a while: sound leaves the speaker later than it is played.
    while (this.pieces.length > 1 && this.pieces[1].until < now - 1) this.pieces.shift()
    const horizon = now + (document.hidden ? AHEAD_HIDDEN : AHEAD)
    while (this.next < horizon) {
      if (this.next < now && !this.ended && this.length - reader.position < PREBUFFER * rate) break
      const piece = reader.read(PIECE * rate)
      if (!piece) break
      if (this.next < now) {
        if (this.next > 0) this.underruns++
        this.next = now + 0.01
      }
      const buffer = context.createBuffer(1, piece.samples.length, rate)
      buffer.copyToChannel(piece.samples, 0)
      const source = context.createBufferSource()
      source.buffer = buffer
      source.connect(this.out)
      source.start(this.next)
      const until = this.next + piece.samples.length / rate
      this.pieces.push({ source, at: this.next, until, from: piece.from, to: piece.to })
      this.next = until
    }
    if (this.ended && reader.position >= this.length && now - (context.outputLatency || 0) >= this.next) {
      this.place = this.length
      this.halt()
      this.playing = false
      this.finished()
    }
    this.changed()
  }
}
