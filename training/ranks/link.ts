/** How ranks reach one another. One file a way: mpi.ts, and training/testing/memory-link.ts for tests in one process. */

export interface Message {
  readonly peer: number
  /** To the peer; may be empty, as what is received then is on the other side. */
  readonly send: ArrayBufferView
  readonly receive: ArrayBufferView
}

export interface Link {
  readonly rank: number
  readonly size: number
  /** The host of every rank. */
  readonly hosts: readonly string[]
  /**
   * One message each way with every peer. Calls of two ranks that name each other meet in the order in which they are made. Throws
   * RANK_LOST.
   */
  exchange(messages: readonly Message[]): Promise<void>
}
