/** Browsers have no native layers: their acoustic model runs in onnxruntime. */
export const NativeAcoustic = { open: () => undefined }
