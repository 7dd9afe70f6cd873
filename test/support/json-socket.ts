/** A WebSocket of JSON messages, as a client without a library has one. */
import { WebSocket } from 'ws'
import { until } from './test-server.ts'

export class JsonSocket<Answer> {
  readonly socket: WebSocket
  readonly answers: Answer[] = []
  /** Code that it was closed with. */
  closed: number | undefined

  constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers })
    this.socket.on('message', (data) => this.answers.push(JSON.parse(data.toString())))
    this.socket.on('close', (code) => {
      this.closed = code
    })
    this.socket.on('error', () => {})
  }

  async send(...messages: object[]): Promise<this> {
    await until(() => this.socket.readyState === WebSocket.OPEN)
    for (const message of messages) this.socket.send(JSON.stringify(message))
    return this
  }
}
