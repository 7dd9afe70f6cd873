/** FLAC, 16 bit, by libFLAC (npm libflacjs): blocks of 43 ms, so that the first comes soon. */
import loadFlac from 'libflacjs'
import { SparsewaveError } from '../../errors.ts'
import { toPcm16 } from '../pcm.ts'
import { type AudioFormat, joinBytes } from './encoder.ts'

const BLOCK = 1024
const LEVEL = 5

let loaded: Promise<Flac> | undefined
type Flac = ReturnType<typeof loadFlac>

/** The library, once it has read its memory image. Its WebAssembly build fetches by URL, which Node refuses for paths. */
function library(): Promise<Flac> {
  loaded ??= new Promise((resolve) => {
    const flac = loadFlac('min')
    if (flac.isReady()) resolve(flac)
    else flac.on('ready', () => resolve(flac))
  })
  return loaded
}

export const flac: AudioFormat = {
  mediaType: () => 'audio/flac',
  async open({ sampleRate, totalSamples = 0 }) {
    const lib = await library()
    const id = lib.create_libflac_encoder(sampleRate, 1, 16, LEVEL, totalSamples, false, BLOCK)
    let made: Uint8Array[] = []
    const status =
      id === 0
        ? -1
        : lib.init_encoder_stream(
            id,
            (data) => void made.push(data.slice()),
            () => {},
          )
    if (status !== 0) {
      if (id !== 0) lib.FLAC__stream_encoder_delete(id)
      throw new SparsewaveError('SYNTHESIS_FAILED', 'The FLAC encoder could not be opened.')
    }
    let open = true
    const take = (): Uint8Array => {
      const bytes = joinBytes(made)
      made = []
      return bytes
    }
    const close = (): void => {
      if (!open) return
      open = false
      lib.FLAC__stream_encoder_finish(id)
      lib.FLAC__stream_encoder_delete(id)
    }
    return {
      encode(samples) {
        const values = Int32Array.from(toPcm16(samples))
        if (!lib.FLAC__stream_encoder_process_interleaved(id, values, values.length))
          throw new SparsewaveError('SYNTHESIS_FAILED', 'The FLAC encoder failed.')
        return take()
      },
      finish() {
        close()
        return take()
      },
      close,
    }
  },
}
