/** Pages of an Ogg stream (RFC 3533) from packets. */

const CONTINUES_NOTHING = 0
const FIRST = 2
const LAST = 4

const CRC = Uint32Array.from({ length: 256 }, (_, i) => {
  let r = i << 24
  for (let bit = 0; bit < 8; bit++) r = r & 0x80000000 ? (r << 1) ^ 0x04c11db7 : r << 1
  return r
})

export class OggPages {
  readonly #serial: number
  #sequence = 0

  constructor(serial: number) {
    this.#serial = serial
  }

  /**
   * One page with whole packets (fewer than 255 lacing values together). `granule`: position after the last packet;
   * `last`: the stream ends here.
   */
  page(packets: readonly Uint8Array[], granule: number, last = false): Uint8Array {
    const lacing = packets.flatMap(({ length }) => [
      ...new Array<number>(Math.floor(length / 255)).fill(255),
      length % 255,
    ])
    const header = 27 + lacing.length
    const page = new Uint8Array(header + packets.reduce((n, packet) => n + packet.length, 0))
    const view = new DataView(page.buffer)
    page.set([0x4f, 0x67, 0x67, 0x53, 0])
    page[5] = (this.#sequence === 0 ? FIRST : CONTINUES_NOTHING) | (last ? LAST : 0)
    view.setBigInt64(6, BigInt(granule), true)
    view.setUint32(14, this.#serial, true)
    view.setUint32(18, this.#sequence++, true)
    page[26] = lacing.length
    page.set(lacing, 27)
    let at = header
    for (const packet of packets) {
      page.set(packet, at)
      at += packet.length
    }
    let crc = 0
    for (const byte of page) crc = (crc << 8) ^ CRC[(crc >>> 24) ^ byte]!
    view.setUint32(22, crc >>> 0, true)
    return page
  }
}
