/** Typed arrays as bytes, and several joined to one. */

/** The bytes of a view, in the same memory. */
export const bytesOf = (view: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)

/** Pieces one behind the other; a single one as it is. */
export const joinBytes = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? pieces[0]! : fill(pieces, new Uint8Array(lengthOf(pieces)))

/** Pieces one behind the other, in memory of their own. */
export const joinFloats = (pieces: readonly Float32Array[]): Float32Array =>
  fill(pieces, new Float32Array(lengthOf(pieces)))

const lengthOf = (pieces: readonly { readonly length: number }[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0)

function fill<T extends Uint8Array | Float32Array>(pieces: readonly T[], out: T): T {
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
