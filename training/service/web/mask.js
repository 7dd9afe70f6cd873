// The picture of a mask: a row a strip, a column a column of the matrix, a dot a block.
const DOT = 3

const blocksOf = ({ strips, columns, kept }) => {
  const each = kept.length / strips
  return new Set(kept.map((column, i) => Math.floor(i / each) * columns + column))
}

/** Blocks kept now and before: new ones, those given up. Without a mask before, nothing is new. */
export function compare(now, before) {
  const kept = blocksOf(now)
  const old = before && blocksOf(before)
  const born = old ? [...kept].filter((block) => !old.has(block)) : []
  const gone = old ? [...old].filter((block) => !kept.has(block)) : []
  return { kept, born, gone }
}

export function drawMask(canvas, now, before) {
  const { kept, born, gone } = compare(now, before)
  canvas.width = now.columns * DOT
  canvas.height = now.strips * DOT
  const ink = canvas.getContext('2d')
  const style = getComputedStyle(document.documentElement)
  const paint = (blocks, name) => {
    ink.fillStyle = style.getPropertyValue(name).trim()
    for (const block of blocks)
      ink.fillRect((block % now.columns) * DOT, Math.floor(block / now.columns) * DOT, DOT - 1, DOT - 1)
  }
  paint(gone, '--gone')
  paint(kept, '--kept')
  paint(born, '--born')
  return {
    kept: kept.size,
    all: now.strips * now.columns,
    born: born.length,
    gone: gone.length,
    known: before !== undefined,
  }
}
