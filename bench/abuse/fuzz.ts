/**
 * Malformed input from a seed: JSON, UTF-8, SSML and lexica over HTTP, messages and frames over the three WebSocket dialects,
 * events over Wyoming, and bytes that are none of these. What counts as a fault: a 500, an internal error told, no answer.
 */
import { connect } from 'node:net'
import { Random } from 'sparsewave/internal/random'
import { WebSocket } from 'ws'
import { inParallel, type Target } from './target.ts'

export interface FuzzReport {
  readonly sent: number
  /** Answers by their status, and by the code of errors on sockets. */
  readonly answers: Readonly<Record<string, number>>
  /** Inputs that the server must not answer so, with the answer. */
  readonly faults: readonly string[]
}

/** Clients at the same time. */
const WIDTH = 16
/** Malformed messages over one socket, before it is given up. */
const MESSAGES = 20
/** How long an answer to what is no whole request is waited for, ms. */
const PATIENCE = 600
const FAULTS = /SYNTHESIS_FAILED|server_error/

/** Sends about `count` malformed inputs and tells what came back. */
export async function fuzz(target: Target, count: number, seed: number): Promise<FuzzReport> {
  const random = new Random(seed)
  const answers: Record<string, number> = {}
  const faults: string[] = []
  let sent = 0
  const note = (kind: string, input: Buffer, answer: string, bad: boolean): void => {
    answers[kind] = (answers[kind] ?? 0) + 1
    if (bad && faults.length < 20) faults.push(`${kind} for ${JSON.stringify(input.toString('latin1'))}: ${answer}`)
  }
  const ways: readonly Way[] = [http, http, sockets, sockets, wyoming, raw]
  await inParallel(Math.ceil(count / ROUND), WIDTH, async (i) => {
    const way = ways[i % ways.length]!
    const inputs = await way(target, new Random(seed + 1 + Math.floor(random.uniform() * 2 ** 31)), note)
    sent += inputs
  })
  return { sent, answers, faults }
}

/** Inputs of one round of a way. */
const ROUND = MESSAGES

type Note = (kind: string, input: Buffer, answer: string, bad: boolean) => void
type Way = (target: Target, random: Random, note: Note) => Promise<number>

const SSML = [
  '<speak>Hi <break time="100ms"/> you.</speak>',
  '<speak><p><s>Hi.</s></p><say-as interpret-as="date">1999-12-31</say-as></speak>',
  '<speak><prosody rate="fast" pitch="+10%" volume="loud">Hi</prosody><sub alias="A">B</sub></speak>',
  '<speak><phoneme alphabet="ipa" ph="h\u0259\u02c8lo">Hi</phoneme><mark name="m"/></speak>',
]
const BODIES: readonly object[] = [
  { model: 'tts-1', input: 'Hi.', voice: 'alloy', response_format: 'pcm' },
  { input: 'Hi.', response_format: 'wav', speed: 4, seed: 7, pitch: 2 },
  { input: 'Hi Ann.', response_format: 'pcm', lexicon: { Ann: '\u02c8\u00e6n' }, stream_format: 'sse' },
  ...SSML.map((input) => ({ input, input_type: 'ssml', response_format: 'pcm' })),
]
const VALUES: readonly unknown[] = [null, true, -1, 1e308, 0.5, '', 'x', [], {}, '\u0000', '\ud800', 'a'.repeat(5000)]
const TOKENS = [
  '"',
  '{',
  '}',
  '[',
  ',',
  ':',
  '\\u0000',
  '\\',
  '<',
  '</',
  '&',
  ']]>',
  '<!DOCTYPE a>',
  '&#0;',
  '1e999',
  '\n',
]

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!

/** Bytes of a valid input, spoilt in one to three places: flipped, cut out, said twice, put in, cut off. */
function spoil(bytes: Buffer, random: Random): Buffer {
  let spoilt: Buffer = bytes
  for (let n = 1 + Math.floor(random.uniform() * 3); n > 0; n--) {
    const at = Math.floor(random.uniform() * (spoilt.length + 1))
    const to = Math.min(spoilt.length, at + 1 + Math.floor(random.uniform() * 12))
    const put = (piece: Buffer, from: number): Buffer =>
      Buffer.concat([spoilt.subarray(0, at), piece, spoilt.subarray(from)])
    const kind = Math.floor(random.uniform() * 6)
    if (kind === 0) spoilt = put(Buffer.of(Math.floor(random.uniform() * 256)), Math.min(spoilt.length, at + 1))
    else if (kind === 1) spoilt = put(Buffer.alloc(0), to)
    else if (kind === 2) spoilt = put(spoilt.subarray(at, to), at)
    else if (kind === 3) spoilt = put(Buffer.from(pick(random, TOKENS)), at)
    else if (kind === 4)
      spoilt = put(Buffer.from([0xff, 0xc0, 0xed, 0xa0, 0x80].slice(Math.floor(random.uniform() * 5))), at)
    else spoilt = spoilt.subarray(0, at)
  }
  return spoilt
}

/** A valid object with fields of wrong kinds, or its bytes spoilt; an SSML text is often spoilt before it becomes a field. */
function malformed(objects: readonly object[], random: Random): Buffer {
  const object: Record<string, unknown> = { ...pick(random, objects) }
  if (typeof object.input === 'string' && object.input_type === 'ssml' && random.uniform() < 0.6) {
    object.input = spoil(Buffer.from(object.input), random).toString()
    return Buffer.from(JSON.stringify(object))
  }
  if (random.uniform() < 0.4) {
    object[pick(random, Object.keys(object))] = pick(random, VALUES)
    return Buffer.from(JSON.stringify(object))
  }
  return spoil(Buffer.from(JSON.stringify(object)), random)
}

async function http({ port }: Target, random: Random, note: Note): Promise<number> {
  for (let i = 0; i < ROUND; i++) {
    const body = malformed(BODIES, random)
    const path = random.uniform() < 0.8 ? '/v1/audio/speech' : '/v1/audio/speech/timestamps'
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'Content-Type': 'application/json' },
      })
      const text = await answer.text()
      note(`HTTP ${answer.status}`, body, text.slice(0, 200), answer.status >= 500)
    } catch (error) {
      note('HTTP broken off', body, String(error), true)
    }
  }
  return ROUND
}

const MESSAGES_OF: readonly { path: string; messages: readonly object[] }[] = [
  {
    path: '/v1/audio/stream',
    messages: [{ type: 'start', speed: 2 }, { type: 'text', text: 'Hi. ' }, { type: 'flush' }, { type: 'clear' }],
  },
  { path: '/v1/speak', messages: [{ type: 'Speak', text: 'Hi. ' }, { type: 'Flush' }, { type: 'Clear' }] },
  {
    path: '/v1/text-to-speech/alloy/stream-input',
    messages: [{ text: ' ', voice_settings: { speed: 1 } }, { text: 'Hi. ' }, { text: 'Yes ', flush: true }],
  },
]

/** Malformed messages on one socket; the last bytes are no frame at all. */
function sockets({ port }: Target, random: Random, note: Note): Promise<number> {
  const { path, messages } = pick(random, MESSAGES_OF)
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false })
    let last: Buffer = Buffer.alloc(0)
    let sent = 0
    socket.on('open', () => {
      for (; sent < ROUND - 1; sent++) {
        last = malformed(messages, random)
        // Broken UTF-8 in a text frame ends the connection: seldom, so that what follows is looked at too.
        if (random.uniform() < 0.97) last = Buffer.from(last.toString())
        socket.send(last, { binary: random.uniform() < 0.2 })
      }
      // Then, once the messages have been looked at, behind the library's back.
      const junk = Buffer.from(Array.from({ length: 40 }, () => random.bits() & 255))
      setTimeout(() => (socket as unknown as { _socket: NodeJS.WritableStream })._socket?.write(junk), PATIENCE / 4)
      sent++
    })
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return
      const text = data.toString()
      if (/"(?:error|Error|Warning)"/.test(text)) note('message refused', last, text, FAULTS.test(text))
    })
    // What the server does with junk is to close; who is left open after junk that is a frame by chance closes.
    const timer = setTimeout(() => socket.terminate(), PATIENCE)
    socket.on('error', () => {})
    socket.on('close', (code) => {
      clearTimeout(timer)
      note(`closed ${code}`, last, '', code === 1011)
      resolve(Math.max(1, sent))
    })
  })
}

function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const timer = setTimeout(() => socket.destroy(), PATIENCE)
    socket.on('connect', () => socket.end(bytes))
    socket.on('data', (piece) => {
      if (text.length < 4000) text += piece.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
}

const EVENTS: readonly Buffer[] = [
  { type: 'describe' },
  { type: 'synthesize', data: { text: 'Hi.', voice: { name: 'alloy' } } },
  { type: 'synthesize', data: { text: SSML[0], text_format: 'ssml' } },
].map((event) => Buffer.from(`${JSON.stringify(event)}\n`))

async function wyoming({ wyomingPort }: Target, random: Random, note: Note): Promise<number> {
  for (let i = 0; i < ROUND; i++) {
    const bytes = spoil(pick(random, EVENTS), random)
    const text = await exchange(wyomingPort, bytes)
    note(
      text.includes('"type":"error"') ? 'Wyoming error' : 'Wyoming else',
      bytes,
      text.slice(0, 300),
      FAULTS.test(text),
    )
  }
  return ROUND
}

const REQUEST = Buffer.from(
  'POST /v1/audio/speech?a=%zz HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n{"input":"Hi."}',
)

/** HTTP itself, spoilt. */
async function raw({ port }: Target, random: Random, note: Note): Promise<number> {
  for (let i = 0; i < ROUND; i++) {
    const bytes = spoil(REQUEST, random)
    const text = await exchange(port, bytes)
    const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none'
    note(`raw HTTP ${status}`, bytes, text.slice(0, 300), Number(status) >= 500)
  }
  return ROUND
}
