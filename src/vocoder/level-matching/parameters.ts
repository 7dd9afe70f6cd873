/** The numbers of spectral level matching that are tuned by voice: `levelMatching` of voice.json. */
import { z } from 'zod'
import { SAMPLE_RATE } from '../../frames.ts'
import { LEVEL_SIZE } from '../source-filter/layout.ts'

/** An amplitude ratio: 2 is 6 dB. */
const ratio = z.number().min(1).max(16)

export const levelMatchingSchema = z
  .strictObject({
    /** Hz at which the lower part ends and the upper part begins; 6 kHz at most. */
    crossover: z
      .number()
      .min(0)
      .max(SAMPLE_RATE / 4)
      .default((150 * SAMPLE_RATE) / LEVEL_SIZE),
    /** Lower part: an amplitude ends within this ratio of the source-filter's, 1.5 dB. */
    residual: ratio.default(2 ** 0.25),
    /** Upper part: an amplitude passes the source-filter's by at most this ratio, 6 dB. */
    overshoot: ratio.default(2),
  })
  .prefault({})

export type LevelMatching = z.output<typeof levelMatchingSchema>
