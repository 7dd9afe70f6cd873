/**
 * Stretches of an SSML document that are spoken in one way: text, the characters of the document each of its characters
 * stands for, sounds that are given, and the pause before it.
 */
import type { GivenSound } from '../../text/index.ts'
import type { PauseKind, Prosody } from '../sentences.ts'

export interface Block {
  readonly text: string
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly given: readonly GivenSound[]
  readonly prosody: Prosody
  /** Undefined = what the text before it asks for. */
  readonly pause: PauseKind | number | undefined
}

const STRENGTH: Readonly<Record<PauseKind, number>> = { none: 0, sentence: 1, paragraph: 2 }

export class BlockWriter {
  readonly blocks: Block[] = []
  #text = ''
  #from: number[] = []
  #to: number[] = []
  #given: GivenSound[] = []
  #prosody: Prosody
  #pause: PauseKind | number | undefined

  constructor(prosody: Prosody) {
    this.#prosody = prosody
  }

  get length(): number {
    return this.#text.length
  }

  /** Text of which character i stands for [from(i), to(i)) of the document. White space is a space: its kind means nothing in XML. */
  add(text: string, from: (i: number) => number, to: (i: number) => number): void {
    this.#text += text.replace(/\s/g, ' ')
    for (let i = 0; i < text.length; i++) {
      this.#from.push(from(i))
      this.#to.push(to(i))
    }
  }

  give(sound: GivenSound): void {
    if (sound.end > sound.start) this.#given.push(sound)
  }

  /** Ends the block; the stronger of two pauses stays, and one in seconds before both. */
  cut(pause?: PauseKind | number): void {
    if (this.#text.trim() !== '') {
      const { blocks } = this
      blocks.push({
        text: this.#text,
        from: this.#from,
        to: this.#to,
        given: this.#given,
        prosody: this.#prosody,
        pause: this.#pause,
      })
      this.#pause = undefined
      this.#text = ''
      this.#from = []
      this.#to = []
      this.#given = []
    }
    if (pause === undefined) return
    if (typeof pause === 'number') this.#pause = pause + (typeof this.#pause === 'number' ? this.#pause : 0)
    else if (this.#pause === undefined || (typeof this.#pause === 'string' && STRENGTH[pause] > STRENGTH[this.#pause]))
      this.#pause = pause
  }

  speakAs(prosody: Prosody): void {
    this.cut()
    this.#prosody = prosody
  }
}
