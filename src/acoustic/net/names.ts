/** Names of the constants in acoustic.onnx that hold the normalisation. */
export const NORMALIZATION_NAMES = {
  pitchMean: 'normalization.pitch.mean',
  pitchSpread: 'normalization.pitch.spread',
  envelopeMean: 'normalization.envelope.mean',
  envelopeSpread: 'normalization.envelope.spread',
} as const
/** Names of those that hold what is known of each speaker. */
export const SPEAKER_NAMES = {
  /** [speakers, SPEAKER_FIELDS] */
  table: 'speakers.table',
  /** [speakers] mean ln F0 less the normalisation's. */
  pitch: 'speakers.pitch',
  /** [speakers, 64] the envelope that sharpening starts from. */
  means: 'speakers.means',
  /** [speakers, 64, 64] what deviations from it are multiplied with. */
  sharpening: 'speakers.sharpening',
} as const
