/**
 * The processes that train one run together, in step with one another: all hold the same weights and do the same updates, each computes
 * its part of every batch. What they decide by a clock or a signal is agreed, so that all of them do it at the same update.
 */

export interface Wish {
  /** Leave after this update. */
  readonly stop: boolean
  /** Write a checkpoint after this update. */
  readonly save: boolean
}

export interface Ranks {
  readonly rank: number
  readonly size: number
  /** Rank 0: it alone writes files, and speaks. */
  readonly leads: boolean
  /** Bytes that this rank has sent to others since it began. */
  readonly sent: number
  /** What every rank gives, one after another, on all of them. `sizes`: bytes of each, which all know. */
  gather(own: Uint8Array, sizes: readonly number[]): Promise<Uint8Array>
  /**
   * T over `parts` parts (training/engines/sum-tree.ts) of vectors of one length. Rank r holds parts [edges[r], edges[r + 1]) and gives
   * the largest nodes of the tree that lie in them, whose memory is not its own any more. What is given back is whole until
   * the next call.
   */
  sum(nodes: readonly Float32Array[], length: number, edges: readonly number[], parts: number): Promise<Float32Array>
  /** What any rank wishes. */
  agree(wish: Wish): Promise<Wish>
  /** Throws RANKS_DIFFER unless all ranks give the same `value`; `what` says in words what it is. */
  same(what: string, value: string): Promise<void>
}
