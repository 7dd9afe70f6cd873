/**
 * Labelled images for the classification studies. MNIST is read from the standard IDX files, CIFAR-10 from the standard binary
 * batches; a file that is missing or of another shape is refused by name.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { SparsewaveError } from 'sparsewave/internal/errors'

export const CLASSES = 10

export interface Images {
  /** Values of one image. */
  readonly size: number
  /** [count, size], 0..255. */
  readonly pixels: Uint8Array
  /** [count], 0..9. */
  readonly labels: Uint8Array
}

export interface Dataset {
  readonly train: Images
  /** The last 10,000 images of the training files (of small ones a sixth): what is searched on. */
  readonly validation: Images
  readonly test: Images
  /** Of the training pixels. */
  readonly mean: number
  readonly deviation: number
}

const invalid = (file: string, why: string) =>
  new SparsewaveError('CORPUS_INVALID', `${file} ${why}.`, { remedy: 'Put the standard files of the data set there.' })

/** Reads `name`, or `name.gz` where that is what is there. */
function readMaybeGzipped(folder: string, name: string): Uint8Array {
  const plain = path.join(folder, name)
  const packed = `${plain}.gz`
  if (!existsSync(plain) && !existsSync(packed)) throw invalid(plain, 'is missing')
  try {
    return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(packed))
  } catch (cause) {
    throw invalid(plain, `cannot be read (${cause instanceof Error ? cause.message : cause})`)
  }
}

/** The unsigned bytes of an IDX file and its dimensions. */
function readIdx(folder: string, name: string, dimensions: number): { sizes: number[]; data: Uint8Array } {
  const bytes = readMaybeGzipped(folder, name)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = 4 + 4 * dimensions
  if (bytes.length < header || view.getUint32(0) !== 0x800 + dimensions) {
    throw invalid(path.join(folder, name), `is no IDX file of ${dimensions} dimensions`)
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i))
  const count = sizes.reduce((a, b) => a * b, 1)
  if (bytes.length !== header + count) {
    throw invalid(path.join(folder, name), `has ${bytes.length - header} bytes of data where its header says ${count}`)
  }
  return { sizes, data: bytes.subarray(header) }
}

function check(file: string, images: Images): Images {
  if (images.pixels.length !== images.labels.length * images.size) throw invalid(file, 'has another number of labels')
  if (images.labels.some((l) => l >= CLASSES)) throw invalid(file, 'has a label above 9')
  return images
}

const slice = ({ size, pixels, labels }: Images, from: number, to: number): Images => ({
  size,
  pixels: pixels.subarray(from * size, to * size),
  labels: labels.subarray(from, to),
})

function dataset(all: Images, test: Images): Dataset {
  const count = all.labels.length
  const cut = count - (count > 20_000 ? 10_000 : Math.floor(count / 6))
  const train = slice(all, 0, cut)
  let sum = 0
  let square = 0
  for (const v of train.pixels) {
    sum += v
    square += v * v
  }
  const mean = sum / train.pixels.length
  const deviation = Math.sqrt(square / train.pixels.length - mean * mean)
  return { train, validation: slice(all, cut, count), test, mean, deviation }
}

/** MNIST (LeCun et al. 1998) from a folder with its four IDX files, gzipped or not. Throws CORPUS_INVALID. */
export function readMnist(folder: string): Dataset {
  const part = (prefix: string): Images => {
    const images = readIdx(folder, `${prefix}-images-idx3-ubyte`, 3)
    const labels = readIdx(folder, `${prefix}-labels-idx1-ubyte`, 1)
    const size = images.sizes[1]! * images.sizes[2]!
    return check(path.join(folder, `${prefix}-labels-idx1-ubyte`), { size, pixels: images.data, labels: labels.data })
  }
  return dataset(part('train'), part('t10k'))
}

/** CIFAR-10 (Krizhevsky 2009) from a folder with its binary batches, 3072 values an image, red, green, blue planes. Throws CORPUS_INVALID. */
export function readCifar10(folder: string): Dataset {
  const size = 3072
  const part = (names: readonly string[]): Images => {
    const files = names.map((name) => readMaybeGzipped(folder, name))
    const counts = files.map((f) => f.length / (size + 1))
    const wrong = counts.findIndex((n) => !Number.isInteger(n) || n === 0)
    if (wrong >= 0) throw invalid(path.join(folder, names[wrong]!), `is not made of records of ${size + 1} bytes`)
    const count = counts.reduce((a, b) => a + b, 0)
    const pixels = new Uint8Array(count * size)
    const labels = new Uint8Array(count)
    let at = 0
    for (const file of files) {
      for (let from = 0; from < file.length; from += size + 1, at++) {
        labels[at] = file[from]!
        pixels.set(file.subarray(from + 1, from + 1 + size), at * size)
      }
    }
    return check(path.join(folder, names[0]!), { size, pixels, labels })
  }
  return dataset(part([1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`)), part(['test_batch.bin']))
}
