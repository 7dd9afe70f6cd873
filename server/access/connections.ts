/**
 * Connections as they are counted: at most so many with a key, and few, short ones before a key is known. Neither takes
 * slots of the other.
 */

/** Connections that may wait for their key at the same time: in all, and from one address. */
const WAITING = 64
const WAITING_OF_ADDRESS = 8

export class ConnectionSlots {
  readonly #limit: number
  #admitted = 0
  #waiting = 0
  readonly #addresses = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.#admitted >= this.#limit
  }

  /** A slot, or undefined when there is none. */
  take(address: string, hasKey: boolean): ConnectionSlot | undefined {
    if (hasKey) return this.isFull ? undefined : new ConnectionSlot(this, address, true)
    const ofAddress = this.#addresses.get(address) ?? 0
    if (this.#waiting >= WAITING || ofAddress >= WAITING_OF_ADDRESS) return undefined
    return new ConnectionSlot(this, address, false)
  }

  count(address: string, isAdmitted: boolean, by: 1 | -1): void {
    if (isAdmitted) {
      this.#admitted += by
      return
    }
    this.#waiting += by
    const left = (this.#addresses.get(address) ?? 0) + by
    if (left > 0) this.#addresses.set(address, left)
    else this.#addresses.delete(address)
  }
}

export class ConnectionSlot {
  readonly #slots: ConnectionSlots
  readonly #address: string
  #isAdmitted: boolean
  #free = false

  constructor(slots: ConnectionSlots, address: string, isAdmitted: boolean) {
    this.#slots = slots
    this.#address = address
    this.#isAdmitted = isAdmitted
    slots.count(address, isAdmitted, 1)
  }

  /** A key came: moves to the slots of those with one. Returns whether there was room. */
  admit(): boolean {
    if (this.#isAdmitted) return true
    if (this.#free || this.#slots.isFull) return false
    this.#slots.count(this.#address, false, -1)
    this.#slots.count(this.#address, true, 1)
    this.#isAdmitted = true
    return true
  }

  free(): void {
    if (this.#free) return
    this.#free = true
    this.#slots.count(this.#address, this.#isAdmitted, -1)
  }
}
