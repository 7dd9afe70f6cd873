/**
 * SSML to blocks of text. saxes reads the XML strictly; DTDs are refused, so there are no entities but XML's own five and
 * characters by number. Every fault is a REQUEST_INVALID that names its line and column.
 */
import { SaxesParser } from 'saxes'
import { SparsewaveError } from '../../errors.ts'
import { ALPHABETS, type Alphabet, type Language, parsePhonemes } from '../../text/index.ts'
import type { Prosody } from '../sentences.ts'
import { type Block, BlockWriter } from './blocks.ts'
import { PLAIN, pitchOf, rateOf, STRENGTHS, timeOf, volumeOf } from './prosody.ts'
import { SAY_AS, sayAs } from './say-as.ts'

const MAX_DEPTH = 32
/** Seconds that all breaks of a document may ask for. */
const MAX_PAUSES = 60

export class SsmlError extends SparsewaveError {
  /** From 1. */
  readonly line: number
  readonly column: number

  constructor(message: string, line: number, column: number) {
    super('REQUEST_INVALID', `SSML, line ${line}, column ${column}: ${message}.`, {
      remedy: 'docs/reference/ssml.md lists the SSML that is spoken.',
    })
    this.line = line
    this.column = column
  }
}

interface Open {
  readonly name: string
  /** What to do at its end. */
  readonly close?: () => void
  /** Its text is collected instead of spoken. */
  readonly collected?: { text: string; from: number }
}

/** Throws SsmlError. */
export function parseSsml(document: string, language: Language): Block[] {
  const parser = new SaxesParser({ xmlns: false, position: true })
  const open: Open[] = []
  const writer = new BlockWriter(PLAIN)
  const prosodies: Prosody[] = [PLAIN]
  let pauses = 0
  let isRooted = false
  /** Where the text that comes next begins in the document. */
  let textStart = 0
  /** Where the tag that has been read begins; attributes hold no `<`. */
  const tagStart = (): number => Math.max(0, document.lastIndexOf('<', parser.position - 1))

  const failAt = (position: number, message: string): never => {
    const lines = document.slice(0, position).split(/\r\n?|\n/)
    throw new SsmlError(message, lines.length, lines.at(-1)!.length + 1)
  }
  const fail = (message: string): never => failAt(tagStart(), message)
  const choice = (what: string, value: string, known: readonly string[]): never =>
    fail(`${what} "${value}" is not known; ${known.join(', ')} are`)

  /** Elements that may be opened: what each does, and what its end does. */
  const elements: Readonly<Record<string, (attributes: Readonly<Record<string, string>>) => Omit<Open, 'name'>>> = {
    speak: () => (open.length > 0 ? fail('<speak> stands inside another element') : {}),
    p: () => parted('paragraph'),
    s: () => parted('sentence'),
    break({ time, strength }) {
      let seconds = STRENGTHS.medium!
      if (time !== undefined) seconds = timeOf(time) ?? fail(`the time "${time}" is not like 500ms or 1.5s`)
      else if (strength !== undefined)
        seconds = STRENGTHS[strength] ?? choice('the strength', strength, Object.keys(STRENGTHS))
      pauses += seconds
      if (pauses > MAX_PAUSES) fail(`the breaks are longer than ${MAX_PAUSES} seconds together`)
      writer.cut(seconds)
      return {}
    },
    sub({ alias }) {
      const text = alias ?? fail('<sub> has no alias')
      return collecting((_written, from, to) => say([{ text }], from, to))
    },
    phoneme({ ph, alphabet = 'ipa' }) {
      if (ph === undefined) fail('<phoneme> has no ph')
      if (!(ALPHABETS as readonly string[]).includes(alphabet)) choice('the alphabet', alphabet, ALPHABETS)
      const phonemes = sounds(ph!, alphabet as Alphabet)
      // What is written may be nothing: <phoneme ph="..."/>.
      return collecting((written, from, to) => say([{ text: written.trim() || '-', phonemes }], from, to))
    },
    'say-as'({ 'interpret-as': kind, format = '' }) {
      if (kind === undefined) return fail('<say-as> has no interpret-as')
      if (!SAY_AS.includes(kind)) choice('interpret-as', kind, SAY_AS)
      return collecting((written, from, to) => say(sayAs(kind, written, format, language)!, from, to))
    },
    prosody({ rate, pitch, volume }) {
      const outer = prosodies.at(-1)!
      const factor = (name: string, value: string | undefined, of: (value: string) => number | undefined): number =>
        value === undefined ? 1 : (of(value.trim()) ?? fail(`the ${name} "${value}" is not understood`))
      const inner = {
        rate: outer.rate * factor('rate', rate, rateOf),
        pitch: outer.pitch * factor('pitch', pitch, pitchOf),
        volume: Math.min(2, outer.volume * factor('volume', volume, volumeOf)),
      }
      prosodies.push(inner)
      writer.speakAs(inner)
      return {
        close() {
          prosodies.pop()
          writer.speakAs(prosodies.at(-1)!)
        },
      }
    },
    emphasis({ level = 'moderate' }) {
      const levels: Readonly<Record<string, 'strong' | 'reduced' | undefined>> = {
        strong: 'strong',
        moderate: 'strong',
        none: undefined,
        reduced: 'reduced',
      }
      if (!Object.hasOwn(levels, level)) choice('the level', level, Object.keys(levels))
      const emphasis = levels[level]
      const { length: start } = writer
      const at = writer.blocks.length
      return {
        close() {
          if (emphasis === undefined) return
          writer.give({ start: at === writer.blocks.length ? start : 0, end: writer.length, emphasis })
        },
      }
    },
    mark: () => ({}),
    lang: () => ({}),
    w: () => ({}),
    token: () => ({}),
    metadata: () => collecting(() => {}),
    meta: () => ({}),
    desc: () => collecting(() => {}),
  }
  const aliases: Readonly<Record<string, string>> = { paragraph: 'p', sentence: 's' }

  function parted(pause: 'paragraph' | 'sentence'): Omit<Open, 'name'> {
    writer.cut(pause)
    return { close: () => writer.cut(pause) }
  }

  function collecting(done: (text: string, from: number, to: number) => void): Omit<Open, 'name'> {
    const collected = { text: '', from: parser.position }
    return { collected, close: () => done(collected.text, collected.from, Math.max(collected.from, tagStart())) }
  }

  function say(said: readonly { text: string; phonemes?: string }[], from: number, to: number): void {
    said.forEach(({ text, phonemes }, i) => {
      const start = writer.length + (i > 0 ? 1 : 0)
      writer.add(
        i > 0 ? ` ${text}` : text,
        () => from,
        () => to,
      )
      if (phonemes !== undefined) writer.give({ start, end: writer.length, phonemes })
    })
  }

  function sounds(ph: string, alphabet: Alphabet): string {
    try {
      return parsePhonemes(ph, alphabet)
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      return fail(error.message.replace(/\.$/, ''))
    }
  }

  parser.on('error', (error) =>
    failAt(Math.max(0, parser.position - 1), error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')),
  )
  parser.on('doctype', () => fail('a DOCTYPE is not allowed'))
  parser.on('opentag', ({ name: written, attributes }) => {
    const name = aliases[written] ?? written
    if (!isRooted && name !== 'speak') fail(`the document begins with <${written}> instead of <speak>`)
    isRooted = true
    if (open.some(({ collected }) => collected)) fail(`<${written}> cannot stand inside <${open.at(-1)!.name}>`)
    if (open.length >= MAX_DEPTH) fail(`elements are nested more than ${MAX_DEPTH} deep`)
    const element = Object.hasOwn(elements, name) ? elements[name]! : undefined
    if (!element) fail(`<${written}> is not spoken here; ${Object.keys(elements).join(', ')} are`)
    open.push({ name: written, ...element!(attributes as Record<string, string>) })
    textStart = parser.position
  })
  parser.on('closetag', () => {
    open.pop()?.close?.()
    textStart = parser.position
  })
  parser.on('comment', () => {
    textStart = parser.position
  })
  parser.on('processinginstruction', () => {
    textStart = parser.position
  })
  const text = (decoded: string, start: number, isRaw: boolean): void => {
    const { collected } = open.at(-1) ?? {}
    if (collected) {
      collected.text += decoded
      return
    }
    const places = isRaw ? undefined : placesOf(document, start, decoded)
    writer.add(
      decoded,
      (i) => places?.[i] ?? start + i,
      (i) => places?.[i + 1] ?? start + i + 1,
    )
  }
  parser.on('text', (decoded) => {
    if (open.length > 0) text(decoded, textStart, false)
  })
  parser.on('cdata', (decoded) => {
    text(decoded, parser.position - decoded.length - 3, true)
    textStart = parser.position
  })
  parser.write(document).close()
  writer.cut()
  return writer.blocks
}

/** Position in the document of each character of a decoded text that starts at `start`, and of its end. */
function placesOf(document: string, start: number, decoded: string): number[] {
  const places: number[] = []
  let at = start
  for (const character of decoded) {
    for (let i = 0; i < character.length; i++) places.push(at + (document[at] === '&' ? 0 : i))
    if (document[at] === '&') at = document.indexOf(';', at) + 1
    else if (document[at] === '\r' && document[at + 1] === '\n') at += 2
    else at += character.length
  }
  places.push(at)
  return places
}
