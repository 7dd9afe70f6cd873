/**
 * A WebSocket as its dialect sees it: sending under back-pressure, who the caller is, and speech whose metrics are kept
 * here. The socket's end ends its speech.
 */
import { WebSocket } from 'ws'
import type { Caller } from '../access/gate.ts'
import type { ServerDeps } from '../deps.ts'
import { Speech, type SpeechEvents, type SpeechRequest } from '../live-speech.ts'

export class Connection {
  readonly id: string
  readonly deps: ServerDeps
  readonly #route: string
  #ws: WebSocket | undefined
  #closed = false
  #caller: Caller | undefined
  readonly #speeches = new Set<Speech>()
  /** Messages are handled in their order, also where one has to wait for something. */
  #last: Promise<void> = Promise.resolve()

  readonly #address: string
  #idle: NodeJS.Timeout | undefined

  constructor(id: string, route: string, caller: Caller | undefined, deps: ServerDeps, address: string) {
    this.#address = address
    this.id = id
    this.#route = route
    this.#caller = caller
    this.deps = deps
  }

  /** The socket is there; called once. `idle` is put off as audio leaves. */
  attach(ws: WebSocket, idle: NodeJS.Timeout): void {
    this.#ws = ws
    this.#idle = idle
    ws.on('close', () => {
      this.#closed = true
      for (const speech of [...this.#speeches]) speech.cancel()
    })
  }

  get caller(): Caller | undefined {
    return this.#caller
  }

  get bufferedBytes(): number {
    return this.#ws?.bufferedAmount ?? 0
  }

  /** Takes a key that came in a message. Throws INVALID_API_KEY. */
  async authenticate(key: string | undefined): Promise<void> {
    if (this.#caller) return
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const caller = this.deps.gate.identify(headers, this.#address)
    await this.deps.gate.request(caller)
    this.#caller = caller
  }

  /** Counts characters of text before they are spoken. Throws RateLimitError. */
  async countText(characters: number): Promise<void> {
    if (this.#caller) await this.deps.gate.text(this.#caller, characters)
  }

  send(message: object): void {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message))
  }

  /** `taken` is called when the socket has taken the data, never when it is gone. */
  sendAudio(data: Uint8Array | string, taken: () => void): void {
    if (this.#ws?.readyState !== WebSocket.OPEN) return
    this.#ws.send(data, { binary: typeof data !== 'string' }, (error) => {
      if (error) return
      this.#idle?.refresh()
      taken()
    })
  }

  close(code: number, reason = ''): void {
    this.#ws?.close(code, reason)
  }

  /** Starts a stream. Throws SERVER_BUSY, SERVER_STOPPING. */
  speak(request: SpeechRequest, events: SpeechEvents): Speech {
    const speech = new Speech(this, request, events, this.#route, () => this.#speeches.delete(speech))
    this.#speeches.add(speech)
    return speech
  }

  /** Runs `work` after all the work given before, unless the socket is gone; its failure goes to `failed`. */
  inOrder(work: () => Promise<void> | void, failed: (error: unknown) => void): void {
    this.#last = this.#last.then(() => (this.#closed ? undefined : work())).catch(failed)
  }
}
