/**
 * Attacks on a server, each a kind of its own, and what a bystander notices of them: listeners with a key who play in real
 * time, and the supervisor who asks /health/live ten times a second.
 */
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { Ear } from '../listener.ts'
import type { Target } from './target.ts'

/** The key of the listeners; the attackers have none unless the attack says so. */
export const KEY = 'a-paying-listener'

interface Field {
  readonly target: Target
  /** Whether the attack is over. */
  isOver(): boolean
  /** Counts what was sent. */
  count(by?: number): void
}

interface Attack {
  readonly name: string
  /** Attackers at the same time. */
  readonly width: number
  /** One attacker's next move. */
  move(field: Field): Promise<void>
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Flood {
  /** Sent first. */
  readonly head?: string
  /** Sent again and again, as fast as the server takes it. */
  readonly bytes: Buffer
  readonly ms?: number
  /** Reads nothing that comes. */
  readonly deaf?: boolean
}

/** Connects, writes as fast as the server takes it, and leaves after `ms`, or when the server closes. */
function flood(port: number, { head, bytes, ms = 2000, deaf = false }: Flood, sent: () => void): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), ms)
    const more = (): void => {
      // A piece at a time: the attackers share a thread.
      if (socket.destroyed || !socket.writable) return
      sent()
      if (socket.write(bytes)) setImmediate(more)
    }
    socket.on('connect', () => {
      if (head) socket.write(head)
      if (deaf) socket.pause()
      more()
    })
    socket.on('drain', more)
    socket.on('data', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Writes once and stays for `ms`. */
function hold(port: number, bytes: string, ms: number, reset = false): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const timer = setTimeout(() => (reset ? socket.resetAndDestroy() : socket.destroy()), ms)
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', () => {})
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const upgrade = (path: string, key = false): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${
    key ? `Authorization: Bearer ${KEY}\r\n` : ''
  }Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`

/** Text frames of a client, masked with zeros (RFC 6455, section 5.2). */
function frames(messages: readonly string[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const payload = Buffer.from(message)
      const { length } = payload
      const size = length < 126 ? Buffer.of(0x80 | length) : Buffer.of(0x80 | 126, length >> 8, length & 255)
      return Buffer.concat([Buffer.of(0x81), size, Buffer.alloc(4), payload])
    }),
  )
}

interface Storm {
  readonly path: string
  /** Sent again and again. */
  readonly messages: readonly string[]
  readonly key?: boolean
  readonly deaf?: boolean
  readonly ms?: number
}

/** A WebSocket that sends messages as fast as the server reads them. */
function storm({ target, count }: Field, { path, messages, key = false, ...rest }: Storm): Promise<void> {
  const times = Math.max(1, Math.floor(16_384 / messages.join('').length))
  const many = Array.from({ length: times }, () => messages).flat()
  return flood(target.port, { head: upgrade(path, key), bytes: frames(many), ...rest }, () => count(many.length))
}

function post(port: number, body: object, key: boolean): Promise<void> {
  return new Promise((resolve) => {
    const bytes = JSON.stringify(body)
    const headers = { 'Content-Length': Buffer.byteLength(bytes), ...(key && { authorization: `Bearer ${KEY}` }) }
    const asked = request({ host: '127.0.0.1', port, path: '/v1/audio/speech', method: 'POST', headers }, (answer) => {
      answer.on('data', () => {})
      answer.on('error', () => {})
      answer.on('close', () => resolve())
      // Some audio is enough: the attack is the work before it.
      setTimeout(() => asked.destroy(), 1000)
    })
    asked.on('error', () => resolve())
    asked.end(bytes)
  })
}

const ELEVEN = '/v1/text-to-speech/alloy/stream-input'
const OURS = '/v1/audio/stream'
const long = 'A sentence that goes on and on. '.repeat(100)
const pipelined = (key: boolean): string => {
  const body = JSON.stringify({ input: long, response_format: 'pcm' })
  const head = `POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\n${key ? `Authorization: Bearer ${KEY}\r\n` : ''}`
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`.repeat(12)
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'lexicon of 128 phonemes a letter (key)',
    width: 4,
    move: ({ target, count }) => {
      count()
      return post(
        target.port,
        { input: 'a '.repeat(2000), lexicon: { a: 'ˈɑb'.repeat(42) }, speed: 0.25, response_format: 'pcm' },
        true,
      )
    },
  },
  {
    name: 'signs that are read as phrases (key)',
    width: 4,
    move: ({ target, count }) => {
      count()
      return post(target.port, { input: '≠'.repeat(4000), response_format: 'pcm' }, true)
    },
  },
  {
    name: 'lexicon of 256 phrases (key)',
    width: 8,
    move: ({ target, count }) => {
      count()
      const lexicon = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`${'a '.repeat(26)}e${i}`, '/ˈɑːb/']))
      return post(target.port, { input: 'a '.repeat(2000), lexicon, response_format: 'pcm' }, true)
    },
  },
  {
    name: 'WebSocket messages of seven bytes, no key',
    width: 100,
    move: (field) => storm(field, { path: ELEVEN, messages: ['{"a":1}'] }),
  },
  {
    name: 'WebSocket messages of seven bytes (key)',
    width: 20,
    move: (field) => storm(field, { path: OURS, messages: ['{"a":1}'], key: true }),
  },
  {
    name: '`start` storm (key)',
    width: 20,
    move: (field) => storm(field, { path: OURS, messages: ['{"type":"start"}'], key: true }),
  },
  {
    name: '`flush` and `clear` storm (key)',
    width: 20,
    move: (field) => storm(field, { path: OURS, messages: ['{"type":"flush"}', '{"type":"clear"}'], key: true }),
  },
  {
    name: 'names of 60 kB (key)',
    width: 20,
    move: (field) =>
      storm(field, {
        path: OURS,
        messages: [JSON.stringify({ type: 'start', voice: 'x'.repeat(60_000) })],
        key: true,
      }),
  },
  {
    name: 'live text without end, nothing read (key)',
    width: 20,
    move: (field) =>
      storm(field, {
        path: OURS,
        messages: [JSON.stringify({ type: 'text', text: long })],
        key: true,
        deaf: true,
        ms: 4000,
      }),
  },
  {
    name: 'live text of blanks (key)',
    width: 10,
    move: (field) =>
      storm(field, { path: OURS, messages: [JSON.stringify({ type: 'text', text: ' '.repeat(2000) })], key: true }),
  },
  {
    name: 'sockets that wait for a key for ever',
    width: 300,
    move: ({ target, count }) => {
      count()
      return hold(target.port, upgrade(ELEVEN), 4000)
    },
  },
  {
    name: 'upgrades to nowhere, held open',
    width: 300,
    move: ({ target, count }) => {
      count()
      return hold(target.port, upgrade('/nowhere'), 4000)
    },
  },
  {
    name: 'pipelined requests on reset connections (key)',
    width: 20,
    move: ({ target, count }) => {
      count(12)
      return hold(target.port, pipelined(true), 100, true)
    },
  },
  {
    name: 'HTTP without a key, pipelined as fast as it goes',
    width: 100,
    move: ({ target, count }) => flood(target.port, { bytes: Buffer.from(pipelined(false)) }, count),
  },
  {
    name: 'bytes that are no HTTP',
    width: 100,
    move: ({ target, count }) => flood(target.port, { bytes: Buffer.alloc(16_384, 'GET /%zz ') }, count),
  },
  {
    name: 'Wyoming: a byte now and then',
    width: 300,
    async move({ target, count, isOver }) {
      await new Promise<void>((resolve) => {
        const socket = connect(target.wyomingPort, '127.0.0.1')
        const drip = setInterval(() => {
          if (isOver()) socket.destroy()
          else if (socket.writable) socket.write('"')
          count()
        }, 500)
        socket.on('error', () => {})
        socket.on('data', () => {})
        socket.on('close', () => {
          clearInterval(drip)
          resolve()
        })
      })
      await wait(50)
    },
  },
  {
    name: 'Wyoming: pings as fast as they go',
    width: 50,
    move: ({ target, count }) =>
      flood(target.wyomingPort, { bytes: Buffer.from('{"type":"ping"}\n'.repeat(1000)) }, () => count(1000)),
  },
]

export interface Effect {
  readonly name: string
  readonly sent: number
  readonly listened: number
  /** Listeners who ran out of audio, and the longest time for which one did, ms. */
  readonly underruns: number
  readonly longestUnderrun: number
  /** Listeners who were refused or broken off. */
  readonly refused: number
  /** Longest time that /health/live took to answer, ms. */
  readonly liveness: number
  readonly firstAudio: number
}

const TEXT =
  'The ferry leaves the harbour at noon. It comes back before dark, unless the wind is against it. Then it waits outside until the morning.'

/** A listener with a key. Undefined = refused. */
function listen(port: number): Promise<{ gaps: number; gap: number; first: number } | undefined> {
  return new Promise((resolve) => {
    const ear = new Ear()
    const body = JSON.stringify({ input: TEXT, response_format: 'pcm' })
    const headers = { authorization: `Bearer ${KEY}`, 'Content-Length': Buffer.byteLength(body) }
    const asked = request({ host: '127.0.0.1', port, path: '/v1/audio/speech', method: 'POST', headers }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume()
        resolve(undefined)
        return
      }
      answer.on('data', (piece: Buffer) => ear.hear(piece.length))
      answer.on('end', () => resolve(ear.end(true)))
      answer.on('error', () => resolve(undefined))
    })
    asked.on('error', () => resolve(undefined))
    asked.end(body)
  })
}

function liveness(port: number): Promise<number> {
  const started = performance.now()
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/health/live' }, (answer) => {
      answer.resume()
      answer.on('close', () =>
        resolve(answer.statusCode === 200 ? performance.now() - started : Number.POSITIVE_INFINITY),
      )
    })
    asked.on('error', () => resolve(Number.POSITIVE_INFINITY))
    asked.end()
  })
}

export interface AttackerData {
  readonly name: string
  readonly target: Target
  readonly seconds: number
}

/** Runs the attackers in a thread of their own. Resolves to what they sent. */
function attackers({ name, width }: Attack, { port, wyomingPort }: Target, seconds: number): Promise<number> {
  if (width === 0) return Promise.resolve(0)
  const data: AttackerData = { name, target: { port, wyomingPort }, seconds }
  const thread = new Worker(new URL('./attacker.js', import.meta.url), { workerData: data })
  return new Promise((resolve, reject) => {
    thread.on('message', resolve)
    thread.on('error', reject)
  })
}

/** Attacks for so many seconds while `listeners` play. An attack without moves is the baseline. */
export async function attack(target: Target, which: Attack, seconds: number, listeners: number): Promise<Effect> {
  const { name } = which
  const until = performance.now() + seconds * 1000
  const isOver = (): boolean => performance.now() > until
  let worst = 0
  const heard: Awaited<ReturnType<typeof listen>>[] = []
  const probing = (async () => {
    while (!isOver()) {
      worst = Math.max(worst, await liveness(target.port))
      await wait(100)
    }
  })()
  const playing = Array.from({ length: listeners }, async () => {
    while (!isOver()) heard.push(await listen(target.port))
  })
  const [sent] = await Promise.all([attackers(which, target, seconds), probing, ...playing])
  const ears = heard.flatMap((ear) => ear ?? [])
  return {
    name,
    sent,
    listened: heard.length,
    underruns: ears.filter(({ gaps }) => gaps > 0).length,
    longestUnderrun: Math.max(0, ...ears.map(({ gap }) => gap)),
    refused: heard.length - ears.length,
    liveness: worst,
    firstAudio: Math.max(0, ...ears.map(({ first }) => first)),
  }
}

export const BASELINE: Attack = { name: 'none', width: 0, move: async () => {} }

export const EFFECT_HEAD =
  '| attack | sent | listeners | underran | longest underrun, ms | refused | worst first audio, ms | worst /health/live, ms |\n| --- | --- | --- | --- | --- | --- | --- | --- |'
export const effectRow = (e: Effect): string =>
  `| ${e.name} | ${e.sent} | ${e.listened} | ${e.underruns} | ${e.longestUnderrun.toFixed(0)} | ${e.refused} | ${e.firstAudio.toFixed(0)} | ${e.liveness.toFixed(0)} |`
