/**
 * Memory for text that waits to be spoken, counted in characters: bounded per stream, per caller and in all. A share is
 * taken before text is accepted and given back as the worker consumes it, or when its stream ends.
 */
import { SparsewaveError } from '../../src/errors.ts'

export interface TextLimits {
  readonly stream: number
  readonly caller: number
  readonly all: number
}

/** An hour of speech a stream, 16 such streams a caller, 256 in all: 16 to 32 MB. */
export const TEXT_LIMITS: TextLimits = { stream: 65_536, caller: 16 * 65_536, all: 256 * 65_536 }

export class TextBudget {
  readonly #limits: TextLimits
  readonly #callers = new Map<string, number>()
  #all = 0

  constructor(limits: TextLimits = TEXT_LIMITS) {
    this.#limits = limits
  }

  /** Characters that are held in all. */
  get held(): number {
    return this.#all
  }

  share(caller: string): TextShare {
    return new TextShare(this, caller)
  }

  /** Throws INPUT_TOO_LONG for the stream's or the caller's limit, SERVER_BUSY for the server's. */
  take(caller: string, ofStream: number, weight: number): void {
    const { stream, caller: perCaller, all } = this.#limits
    const ofCaller = this.#callers.get(caller) ?? 0
    if (ofStream + weight > stream) throw tooMuch(`More than ${stream} characters wait to be spoken.`)
    if (ofCaller + weight > perCaller)
      throw tooMuch(`More than ${perCaller} characters of your streams wait to be spoken.`)
    if (this.#all + weight > all)
      throw new SparsewaveError('SERVER_BUSY', 'The server holds as much text as it can that waits to be spoken.')
    this.#callers.set(caller, ofCaller + weight)
    this.#all += weight
  }

  give(caller: string, weight: number): void {
    const left = (this.#callers.get(caller) ?? 0) - weight
    if (left > 0) this.#callers.set(caller, left)
    else this.#callers.delete(caller)
    this.#all -= weight
  }
}

const tooMuch = (message: string): SparsewaveError =>
  new SparsewaveError('INPUT_TOO_LONG', message, {
    remedy: 'Send more when audio has come, or split the text over several streams.',
  })

/** One stream's part of the budget. */
export class TextShare {
  readonly #budget: TextBudget
  readonly #caller: string
  #held = 0

  constructor(budget: TextBudget, caller: string) {
    this.#budget = budget
    this.#caller = caller
  }

  take(weight: number): void {
    this.#budget.take(this.#caller, this.#held, weight)
    this.#held += weight
  }

  give(weight: number): void {
    const given = Math.min(weight, this.#held)
    this.#held -= given
    this.#budget.give(this.#caller, given)
  }

  close(): void {
    this.give(this.#held)
  }
}
