/**
 * FLAC (RFC 9639), 16 bit, mono. Blocks of 1024 samples, so that the first bytes come after 43 ms. Each block is predicted
 * linearly, its residual coded in Rice codes, and what is decoded equals the samples bit for bit.
 */
import { createHash } from 'node:crypto'
import { joinBytes } from '../../arrays.ts'
import { pcmBytes, toPcm16 } from '../pcm.ts'
import { type AudioFormat, NO_BYTES } from './encoder.ts'

const BLOCK = 1024
const BITS = 16
/** Largest order of linear prediction, and bits of a coefficient with its sign. */
const MAX_ORDER = 8
const PRECISION = 12
/** A block is split into at most 2^5 partitions, each with its own Rice parameter. */
const MAX_PARTITION_ORDER = 5
const MAX_RICE = 14

/** A file of up to so many seconds is held back until its end, so that its header has the MD5 of the samples. */
const HELD_SECONDS = 10

export const flac: AudioFormat = {
  mediaType: () => 'audio/flac',
  async open({ sampleRate, totalSamples = 0, purpose }) {
    const block = new Int32Array(BLOCK)
    const md5 = createHash('md5')
    const isHeld = purpose === 'file' && totalSamples > 0 && totalSamples <= HELD_SECONDS * sampleRate
    let held: Uint8Array[] = []
    let filled = 0
    let frames = 0
    let samplesIn = 0
    let digest: Uint8Array | undefined
    let begun = false
    const head = (): Uint8Array[] => {
      if (begun) return []
      begun = true
      return [streamHeader(sampleRate, totalSamples, digest)]
    }
    return {
      encode(samples) {
        const values = toPcm16(samples)
        samplesIn += values.length
        const made: Uint8Array[] = []
        for (let at = 0; at < values.length; ) {
          const n = Math.min(BLOCK - filled, values.length - at)
          block.set(values.subarray(at, at + n), filled)
          filled += n
          at += n
          if (filled === BLOCK) {
            made.push(encodeFrame(block, frames++, sampleRate))
            filled = 0
          }
        }
        md5.update(pcmBytes(values))
        if (!isHeld) return joinBytes([...head(), ...made])
        held.push(...made)
        return NO_BYTES
      },
      finish() {
        digest = md5.digest()
        const made = [...head(), ...held]
        held = []
        if (filled > 0) made.push(encodeFrame(block.subarray(0, filled), frames++, sampleRate))
        filled = 0
        return joinBytes(made)
      },
      head: () => (isHeld ? undefined : streamHeader(sampleRate, samplesIn, digest)),
      close() {},
    }
  },
}

/** Bits, the highest of each value first. */
class BitWriter {
  #bytes = new Uint8Array(2048)
  #length = 0
  #held = 0
  #count = 0

  /** The lowest `count` bits (at most 24) of `value`. */
  put(value: number, count: number): void {
    this.#held = (this.#held << count) | (value & ((1 << count) - 1))
    this.#count += count
    while (this.#count >= 8) {
      this.#count -= 8
      this.#byte(this.#held >>> this.#count)
    }
    this.#held &= (1 << this.#count) - 1
  }

  zeros(count: number): void {
    for (; count > 16; count -= 16) this.put(0, 16)
    this.put(0, count)
  }

  /** Fills the last byte with zeros and returns a view of all bytes so far. */
  bytes(): Uint8Array {
    if (this.#count > 0) this.put(0, 8 - this.#count)
    return this.#bytes.subarray(0, this.#length)
  }

  #byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const longer = new Uint8Array(2 * this.#length)
      longer.set(this.#bytes)
      this.#bytes = longer
    }
    this.#bytes[this.#length++] = value
  }
}

/** The marker and STREAMINFO, the only metadata. Zeros for the length and the MD5 mean that they are not known. */
function streamHeader(sampleRate: number, totalSamples: number, md5: Uint8Array = new Uint8Array(16)): Uint8Array {
  const out = new BitWriter()
  for (const letter of 'fLaC') out.put(letter.charCodeAt(0), 8)
  out.put(0x80, 8)
  out.put(34, 24)
  out.put(BLOCK, 16)
  out.put(BLOCK, 16)
  // Sizes of frames, not known.
  out.put(0, 24)
  out.put(0, 24)
  out.put(sampleRate, 20)
  out.put(0, 3)
  out.put(BITS - 1, 5)
  out.put(Math.floor(totalSamples / 2 ** 18), 18)
  out.put(totalSamples % 2 ** 18, 18)
  for (const byte of md5) out.put(byte, 8)
  return out.bytes().slice()
}

const crcTable = (width: 8 | 16, polynomial: number): Uint16Array =>
  Uint16Array.from({ length: 256 }, (_, i) => {
    let r = i << (width - 8)
    for (let bit = 0; bit < 8; bit++) r = r & (1 << (width - 1)) ? (r << 1) ^ polynomial : r << 1
    return r & ((1 << width) - 1)
  })
const CRC8 = crcTable(8, 0x07)
const CRC16 = crcTable(16, 0x8005)

/** Codes of sample rates. Others are written in kHz. */
const RATE_CODES: Readonly<Record<number, number>> = {
  8000: 0b0100,
  16000: 0b0101,
  22050: 0b0110,
  24000: 0b0111,
  32000: 0b1000,
  44100: 0b1001,
  48000: 0b1010,
}
const RATE_IN_KHZ = 0b1100

/** A frame says everything that a decoder needs, so that one may join in the middle of a stream. */
function encodeFrame(samples: Int32Array, index: number, sampleRate: number): Uint8Array {
  const out = new BitWriter()
  // Synchronisation code, blocks of a fixed size.
  out.put(0xfff8, 16)
  const whole = samples.length === BLOCK
  out.put(whole ? 0b1010 : 0b0111, 4)
  const rate = RATE_CODES[sampleRate]
  out.put(rate ?? RATE_IN_KHZ, 4)
  // One channel, 16 bits.
  out.put(0b0000_100_0, 8)
  putNumber(out, index)
  if (!whole) out.put(samples.length - 1, 16)
  if (rate === undefined) out.put(sampleRate / 1000, 8)
  out.put(
    out.bytes().reduce((crc, byte) => CRC8[crc ^ byte]!, 0),
    8,
  )
  putSubframe(out, samples)
  let crc = 0
  for (const byte of out.bytes()) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ byte]!
  out.put(crc, 16)
  return out.bytes().slice()
}

/** A number in the manner of UTF-8. */
function putNumber(out: BitWriter, value: number): void {
  if (value < 0x80) {
    out.put(value, 8)
    return
  }
  let more = 1
  while (value >= 2 ** (6 * more + 6 - more)) more++
  out.put(((0xff00 >> (more + 1)) & 0xff) | Math.floor(value / 2 ** (6 * more)), 8)
  for (let i = more - 1; i >= 0; i--) out.put(0x80 | (Math.floor(value / 2 ** (6 * i)) & 0x3f), 8)
}

/** A way of predicting a block, and how its residual would be coded. */
interface Coding {
  readonly order: number
  readonly residual: Int32Array
  readonly rice: RiceCoding
  /** Bits of the whole subframe. */
  readonly bits: number
  /** Coefficients of linear prediction, nearest sample first. Absent for the standard's fixed predictors. */
  readonly coefficients?: Int32Array
  readonly shift?: number
}

function putSubframe(out: BitWriter, samples: Int32Array): void {
  const first = samples[0]!
  if (samples.every((value) => value === first)) {
    out.put(0b0_000000_0, 8)
    out.put(first, BITS)
    return
  }
  const coding = [fixedCoding(samples), linearCoding(samples)].reduce<Coding | undefined>(
    (best, one) => (one && (!best || one.bits < best.bits) ? one : best),
    undefined,
  )
  if (!coding || coding.bits >= samples.length * BITS) {
    out.put(0b0_000001_0, 8)
    for (const value of samples) out.put(value, BITS)
    return
  }
  const { order, coefficients, shift = 0 } = coding
  out.put((coefficients ? 0b100000 | (order - 1) : 0b001000 | order) << 1, 8)
  for (let i = 0; i < order; i++) out.put(samples[i]!, BITS)
  if (coefficients) {
    out.put(PRECISION - 1, 4)
    out.put(shift, 5)
    for (const coefficient of coefficients) out.put(coefficient, PRECISION)
  }
  putResidual(out, coding)
}

/** The best of the fixed predictors: differences of order 0 to 4. */
function fixedCoding(samples: Int32Array): Coding | undefined {
  let best: { order: number; residual: Int32Array; sum: number } | undefined
  let difference = samples.slice()
  for (let order = 0; order <= Math.min(4, samples.length - 1); order++) {
    if (order > 0) {
      const next = new Int32Array(samples.length)
      for (let i = order; i < samples.length; i++) next[i] = difference[i]! - difference[i - 1]!
      difference = next
    }
    let sum = 0
    for (let i = order; i < samples.length; i++) sum += Math.abs(difference[i]!)
    if (!best || sum < best.sum) best = { order, residual: difference, sum }
  }
  if (!best) return undefined
  const { order, residual } = best
  const rice = riceCoding(residual, order)
  return { order, residual, rice, bits: 8 + order * BITS + rice.bits }
}

/** Tukey's window with half of it flat. */
const WINDOW = Float64Array.from({ length: BLOCK }, (_, i) => {
  const edge = Math.min(i, BLOCK - 1 - i) / (BLOCK / 4)
  return edge >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * edge)
})

/** Linear prediction with the coefficients of the windowed autocorrelation. Whole blocks alone are worth it. */
function linearCoding(samples: Int32Array): Coding | undefined {
  if (samples.length !== BLOCK) return undefined
  const windowed = Float64Array.from(samples, (value, i) => value * WINDOW[i]!)
  const correlation = Float64Array.from({ length: MAX_ORDER + 1 }, (_, lag) => {
    let sum = 0
    for (let i = lag; i < BLOCK; i++) sum += windowed[i]! * windowed[i - lag]!
    return sum
  })
  const { order, predictor } = bestPredictor(correlation)
  if (order === 0) return undefined
  const largest = predictor.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  // 2^exponent is above the largest coefficient.
  const exponent = Math.floor(Math.log2(largest)) + 1
  const shift = Math.min(15, PRECISION - 1 - exponent)
  if (shift < 0) return undefined
  const limit = 2 ** (PRECISION - 1)
  // What rounding takes from one coefficient goes to the next.
  let error = 0
  const coefficients = Int32Array.from(predictor, (value) => {
    const wanted = value * 2 ** shift + error
    const rounded = Math.min(limit - 1, Math.max(-limit, Math.round(wanted)))
    error = wanted - rounded
    return rounded
  })
  const residual = new Int32Array(BLOCK)
  for (let i = order; i < BLOCK; i++) {
    let sum = 0
    for (let j = 0; j < order; j++) sum += coefficients[j]! * samples[i - 1 - j]!
    residual[i] = samples[i]! - (sum >> shift)
  }
  const rice = riceCoding(residual, order)
  return { order, residual, rice, coefficients, shift, bits: 8 + order * (BITS + PRECISION) + 9 + rice.bits }
}

/** Levinson's recursion, stopped at the order that would take the fewest bits. */
function bestPredictor(correlation: Float64Array): { order: number; predictor: Float64Array } {
  let best = { order: 0, predictor: new Float64Array(0), bits: Number.POSITIVE_INFINITY }
  let error = correlation[0]!
  let predictor = new Float64Array(0)
  for (let order = 1; order <= MAX_ORDER && error > 0; order++) {
    let sum = correlation[order]!
    for (let j = 0; j < order - 1; j++) sum -= predictor[j]! * correlation[order - 1 - j]!
    const reflection = sum / error
    const next = new Float64Array(order)
    for (let j = 0; j < order - 1; j++) next[j] = predictor[j]! - reflection * predictor[order - 2 - j]!
    next[order - 1] = reflection
    predictor = next
    error *= 1 - reflection * reflection
    const bits = 0.5 * BLOCK * Math.log2(Math.max(error / BLOCK, 1)) + order * (BITS + PRECISION)
    if (bits < best.bits) best = { order, predictor, bits }
  }
  return best
}

interface RiceCoding {
  readonly partitionOrder: number
  readonly parameters: Uint8Array
  /** About how many bits the residual takes. */
  readonly bits: number
}

/** Residuals as numbers from 0: 0, -1, 1, -2, 2 ... */
const fold = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0

/** The number of partitions and their parameters that take the fewest bits. */
function riceCoding(residual: Int32Array, order: number): RiceCoding {
  const { length } = residual
  let partitionOrder = 0
  while (partitionOrder < MAX_PARTITION_ORDER && isSplit(length, partitionOrder + 1, order)) partitionOrder++
  // Sums of the smallest partitions. Two neighbours make one of the next larger size.
  let sums = Array.from({ length: 1 << partitionOrder }, (_, p) => {
    const size = length >> partitionOrder
    let sum = 0
    for (let i = p === 0 ? order : p * size; i < (p + 1) * size; i++) sum += fold(residual[i]!)
    return sum
  })
  let best: RiceCoding | undefined
  for (; partitionOrder >= 0; partitionOrder--) {
    const size = length >> partitionOrder
    let bits = 6
    const parameters = Uint8Array.from(sums, (sum, p) => {
      const count = p === 0 ? size - order : size
      const k = Math.min(MAX_RICE, Math.max(0, Math.round(Math.log2((sum / count) * Math.LN2 + 1e-9))))
      bits += 4 + count * (k + 1) + sum / (1 << k)
      return k
    })
    if (!best || bits < best.bits) best = { partitionOrder, parameters, bits }
    sums = Array.from({ length: sums.length >> 1 }, (_, p) => sums[2 * p]! + sums[2 * p + 1]!)
  }
  return best!
}

/** Whether a block can be split into 2^partitionOrder equal partitions, the first longer than the predictor's start. */
const isSplit = (length: number, partitionOrder: number, order: number): boolean =>
  length % (1 << partitionOrder) === 0 && length >> partitionOrder > order

function putResidual(out: BitWriter, { residual, order, rice }: Coding): void {
  const { partitionOrder, parameters } = rice
  const size = residual.length >> partitionOrder
  // Rice codes with parameters of 4 bits.
  out.put(0b00, 2)
  out.put(partitionOrder, 4)
  for (let p = 0; p < parameters.length; p++) {
    const k = parameters[p]!
    out.put(k, 4)
    for (let i = p === 0 ? order : p * size; i < (p + 1) * size; i++) {
      const value = fold(residual[i]!)
      out.zeros(value >>> k)
      out.put((1 << k) | value, k + 1)
    }
  }
}
