// Speech at another speed and the same pitch: WSOLA (Verhelst & Roelands 1993). Frames of 30 ms overlap by half. Each is
// taken from where it continues the one before it best, within 8 ms of its place.
const HOP = 360
const SEARCH = 192
const FADE = Float32Array.from({ length: HOP }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / HOP))

/** Reads a growing sound, {samples, length, ended}, from `position` on at `speed`. */
export class Stretch {
  constructor(sound, position, speed) {
    this.sound = sound
    this.position = position
    this.speed = speed
    this.frame = undefined // where the last frame was taken from
  }

  /** Up to `count` samples and the stretch of the sound they stand for, or undefined until more has come or at the end. */
  read(count) {
    return this.speed === 1 ? this.copy(count) : this.stretched(count)
  }

  copy(count) {
    const { samples, length } = this.sound
    const from = this.position
    const to = Math.min(length, from + count)
    if (to <= from) return undefined
    this.position = to
    return { samples: samples.slice(from, to), from, to }
  }

  stretched(count) {
    const { sound } = this
    const from = this.position
    const pieces = []
    while (pieces.length * HOP < count && this.position < sound.length) {
      const wanted = Math.round(this.position)
      if (!sound.ended && wanted + SEARCH + 2 * HOP > sound.length) break
      const last = this.frame
      this.frame = last === undefined ? wanted : this.best(wanted, last + HOP)
      const piece = new Float32Array(HOP)
      for (let i = 0; i < HOP; i++) {
        const now = this.at(this.frame + i)
        piece[i] = last === undefined ? now : (1 - FADE[i]) * this.at(last + HOP + i) + FADE[i] * now
      }
      pieces.push(piece)
      this.position = Math.min(sound.length, this.position + HOP * this.speed)
    }
    if (pieces.length === 0) return undefined
    const samples = new Float32Array(pieces.length * HOP)
    pieces.forEach((piece, i) => {
      samples.set(piece, i * HOP)
    })
    return { samples, from, to: this.position }
  }

  at(i) {
    return i >= 0 && i < this.sound.length ? this.sound.samples[i] : 0
  }

  /** The place near `wanted` whose samples are most like those at `natural`. */
  best(wanted, natural) {
    let place = wanted
    let most = Number.NEGATIVE_INFINITY
    for (let k = -SEARCH; k <= SEARCH; k += 2) {
      let product = 0
      let power = 1e-9
      for (let i = 0; i < HOP; i += 2) {
        const v = this.at(wanted + k + i)
        product += v * this.at(natural + i)
        power += v * v
      }
      const likeness = product / Math.sqrt(power)
      if (likeness > most) {
        most = likeness
        place = wanted + k
      }
    }
    return place
  }
}
