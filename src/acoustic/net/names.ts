/** Names of the constants in acoustic.onnx that hold the normalisation. */
export const NORMALIZATION_NAMES = {
  pitchMean: 'normalization.pitch.mean',
  pitchSpread: 'normalization.pitch.spread',
  envelopeMean: 'normalization.envelope.mean',
  envelopeSpread: 'normalization.envelope.spread',
} as const
