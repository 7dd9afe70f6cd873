/**
 * A pronouncing dictionary as bytes that are searched in place: opening it is reading the file, nothing is unpacked.
 *
 * File: one line of JSON, `{ codes, blocks }`, then the blocks. `codes` maps byte CODES[i] to the two bytes it stands
 * for, which may be codes themselves (byte-pair encoding). `blocks` has the size in bytes of every block of every
 * section. A block holds up to BLOCK lines in byte order, each `shared` `rest of the word` TAB `value` LF. `shared` is
 * one byte: how many characters the word has in common with the line before it, plus 33. A block's first line shares none.
 * Words that are not ASCII stand in percent-encoding.
 */
const BLOCK = 24
const SHARED = 33
const LONGEST_SHARED = 90
const TAB = 9
const LF = 10

/** Bytes that no word or value holds. */
const CODES = Array.from({ length: 256 }, (_, byte) => byte).filter(
  (byte) => byte > 127 || (byte < 32 && byte !== TAB && byte !== LF),
)

const keyOf = (word: string): string => (/^[\x21-\x7e]*$/.test(word) ? word : encodeURI(word))
const wordOf = (key: string): string => (key.includes('%') ? decodeURI(key) : key)

/** Packs sections of words and their values. */
export function packLexicon(sections: readonly ReadonlyMap<string, string>[]): Uint8Array {
  // Each line is its shared byte, the rest of its word, a tab, its value and a line feed.
  const lines: number[][] = []
  const blocks: number[][] = []
  for (const section of sections) {
    const values = new Map(Array.from(section, ([word, value]) => [keyOf(word), value]))
    const words = [...values.keys()].sort()
    const sizes: number[] = []
    words.forEach((word, i) => {
      const previous = i % BLOCK === 0 ? '' : words[i - 1]!
      let shared = 0
      while (shared < Math.min(previous.length, LONGEST_SHARED) && previous[shared] === word[shared]) shared++
      const line = `${String.fromCharCode(SHARED + shared)}${word.slice(shared)}\t${values.get(word)}\n`
      lines.push(Array.from(line, (c) => c.charCodeAt(0)))
      if (i % BLOCK === 0) sizes.push(0)
    })
    blocks.push(sizes)
  }
  const codes = encodePairs(lines)
  let at = 0
  sections.forEach((section, s) => {
    for (let i = 0; i < section.size; i++) blocks[s]![Math.floor(i / BLOCK)]! += lines[at++]!.length
  })
  const header = `${JSON.stringify({ codes, blocks })}\n`
  const bytes = new Uint8Array(header.length + lines.reduce((sum, line) => sum + line.length, 0))
  bytes.set(Array.from(header, (c) => c.charCodeAt(0)))
  let end = header.length
  for (const line of lines) {
    bytes.set(line, end)
    end += line.length
  }
  return bytes
}

/** Replaces the commonest pairs inside words and values by codes, in place. */
function encodePairs(lines: number[][]): [number, number][] {
  const codes: [number, number][] = []
  for (const code of CODES) {
    const counts = new Int32Array(65536)
    for (const line of lines) {
      for (let i = 1; i + 2 < line.length; i++) {
        if (line[i] !== TAB && line[i + 1] !== TAB) counts[(line[i]! << 8) | line[i + 1]!]!++
      }
    }
    let best = 0
    for (let pair = 1; pair < counts.length; pair++) if (counts[pair]! > counts[best]!) best = pair
    if (counts[best]! < 100) break
    const [left, right] = [best >> 8, best & 255]
    codes.push([left, right])
    for (const line of lines) {
      let to = 1
      for (let i = 1; i < line.length; i++) {
        const pairs = line[i] === left && line[i + 1] === right && i + 1 < line.length - 1
        line[to++] = pairs ? code : line[i]!
        if (pairs) i++
      }
      line.length = to
    }
  }
  return codes
}

interface Section {
  /** Byte at which each block starts, and where the last one ends. */
  readonly starts: Int32Array
  /** First word of each block, once it has been read. */
  readonly heads: (string | undefined)[]
}

export class LexiconFile {
  readonly #bytes: Uint8Array
  readonly #sections: readonly Section[]
  /** What each byte stands for. */
  readonly #texts: readonly string[]

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    const newline = bytes.indexOf(LF)
    const { codes, blocks } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, newline))) as {
      codes: [number, number][]
      blocks: number[][]
    }
    const texts = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
    codes.forEach(([left, right], i) => {
      texts[CODES[i]!] = texts[left]! + texts[right]!
    })
    this.#texts = texts
    let at = newline + 1
    this.#sections = blocks.map((sizes) => {
      const starts = Int32Array.from([...sizes, 0], (size) => {
        at += size
        return at - size
      })
      return { starts, heads: [] }
    })
  }

  /** The value of a word and the section it stands in, earlier sections first. */
  find(word: string): { readonly value: string; readonly section: number } | undefined {
    const key = keyOf(word)
    for (let section = 0; section < this.#sections.length; section++) {
      const value = this.#findIn(this.#sections[section]!, key)
      if (value !== undefined) return { value, section }
    }
    return undefined
  }

  /** Every word, its value and its section, in order. */
  *entries(): Generator<readonly [word: string, value: string, section: number]> {
    for (let section = 0; section < this.#sections.length; section++) {
      const { starts } = this.#sections[section]!
      let key = ''
      for (let at = starts[0]!, end = starts[starts.length - 1]!; at < end; ) {
        const tab = this.#bytes.indexOf(TAB, at)
        const stop = this.#bytes.indexOf(LF, tab)
        key = key.slice(0, this.#bytes[at]! - SHARED) + this.#text(at + 1, tab)
        yield [wordOf(key), this.#text(tab + 1, stop), section]
        at = stop + 1
      }
    }
  }

  #findIn({ starts, heads }: Section, key: string): string | undefined {
    // Invariant: the word, if it is there, is in blocks [low, high).
    let low = 0
    let high = starts.length - 1
    if (high < 1) return undefined
    while (high - low > 1) {
      const middle = (low + high) >> 1
      const at = starts[middle]! + 1
      heads[middle] ??= this.#text(at, this.#bytes.indexOf(TAB, at))
      if (heads[middle]! <= key) low = middle
      else high = middle
    }
    return this.#scan(starts[low]!, starts[low + 1]!, key)
  }

  /** Looks through one block. `matched` characters of `key` are those of the line before. */
  #scan(from: number, end: number, key: string): string | undefined {
    const bytes = this.#bytes
    let matched = 0
    for (let at = from; at < end; ) {
      const shared = bytes[at]! - SHARED
      // Fewer in common than what matched: the lines are past the word.
      if (shared < matched) return undefined
      const tab = bytes.indexOf(TAB, at)
      const stop = bytes.indexOf(LF, tab)
      if (shared === matched) {
        const rest = this.#text(at + 1, tab)
        let i = 0
        while (i < rest.length && rest[i] === key[matched]) {
          i++
          matched++
        }
        if (i === rest.length && matched === key.length) return this.#text(tab + 1, stop)
      }
      at = stop + 1
    }
    return undefined
  }

  #text(from: number, to: number): string {
    let text = ''
    for (let i = from; i < to; i++) text += this.#texts[this.#bytes[i]!]
    return text
  }
}
