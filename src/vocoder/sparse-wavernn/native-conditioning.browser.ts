/** Browsers have no native layers: their conditioning net runs in onnxruntime. */
export const nativeConditioning = () => undefined
