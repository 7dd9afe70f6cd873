/**
 * A net's parameters as one flat vector, so that optimiser, checkpoint, mask methods and every engine see the same layout.
 * Matrices are stored by blocks, [rows / 16][columns][16]: the 16 weights of a block lie together.
 */

/** Rows of a block; blocks are 16 x 1. */
export const BLOCK_ROWS = 16

export interface Segment {
  readonly name: string
  /** First element in the flat vector. */
  readonly offset: number
  /** Rows, a multiple of 16 (padded where a net has fewer); 1 for vectors. */
  readonly rows: number
  readonly columns: number
  readonly size: number
  /** Kept columns of each strip; undefined for dense matrices and vectors. */
  readonly kept: number | undefined
  /** Inputs that reach one output, for initialisation; 0 = start at zero. */
  readonly fanIn: number
}

export interface Layout {
  readonly segments: readonly Segment[]
  readonly size: number
}

/** A matrix with a mask: `kept` columns in every strip of 16 rows. */
export type MaskedMatrix = Pick<Segment, 'name' | 'offset' | 'rows' | 'columns'> & { readonly kept: number }

export interface SegmentPlan {
  readonly name: string
  readonly rows: number
  readonly columns: number
  readonly fanIn: number
  readonly kept?: number | undefined
}

/** Lays segments out one after another, each on a 64-byte boundary. */
export function layOut(plans: readonly SegmentPlan[]): Layout {
  let offset = 0
  const segments = plans.map(({ name, rows, columns, fanIn, kept }) => {
    const size = rows * columns
    const made = { name, offset, rows, columns, size, kept, fanIn }
    offset += Math.ceil(size / BLOCK_ROWS) * BLOCK_ROWS
    return made
  })
  return { segments, size: offset }
}

export function segment(layout: Layout, name: string): Segment {
  const found = layout.segments.find((s) => s.name === name)
  if (!found) throw new Error(`no parameter named ${name}`)
  return found
}

/** The matrices that have a mask. */
export const maskedSegments = (layout: Layout): (Segment & { kept: number })[] =>
  layout.segments.filter((s): s is Segment & { kept: number } => s.kept !== undefined)

/** Index in the flat vector of element (row, column) of a matrix. */
export const elementIndex = (s: Pick<Segment, 'offset' | 'columns'>, row: number, column: number): number =>
  s.offset + (Math.floor(row / BLOCK_ROWS) * s.columns + column) * BLOCK_ROWS + (row % BLOCK_ROWS)
