/** A WebAssembly memory that grows, with a bump allocator. Views are made anew when it has grown. */

const PAGE = 65536

export class Arena {
  readonly memory = new WebAssembly.Memory({ initial: 1 })
  #top = 0
  f32 = new Float32Array(this.memory.buffer)
  i32 = new Int32Array(this.memory.buffer)
  u16 = new Uint16Array(this.memory.buffer)
  f64 = new Float64Array(this.memory.buffer)

  /** The first byte that may be allocated. */
  start(base: number): void {
    this.#top = base
  }

  /** Address of `bytes` new zeroed bytes on a 64-byte boundary. */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#top / 64) * 64
    this.#top = at + bytes
    const missing = this.#top - this.memory.buffer.byteLength
    if (missing > 0) {
      // A quarter more than needed, so that it grows rarely.
      this.memory.grow(Math.ceil((missing + this.#top / 4) / PAGE))
      this.f32 = new Float32Array(this.memory.buffer)
      this.i32 = new Int32Array(this.memory.buffer)
      this.u16 = new Uint16Array(this.memory.buffer)
      this.f64 = new Float64Array(this.memory.buffer)
    }
    return at
  }
}
