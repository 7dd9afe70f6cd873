/**
 * A server of mixed use for a long time: does its memory grow? Twenty streams at a time over HTTP in all formats and over
 * the WebSocket, some of which are broken off.
 *
 *     node bench/dist/abuse/soak.js [--minutes 120] [--streams 20] [--voice heart] [--settle 10]
 *
 * Prints resident memory, heap and what lies outside it once a minute, then the slope of each after the first minutes
 * (`--settle`), fitted by least squares, and its share of the mean for the time that was looked at. Ends with 1 when
 * resident memory grew by more than 2 %. Run it on a machine that does nothing else.
 */
import { parseArgs } from 'node:util'
import { Random } from 'sparsewave/internal/random'
import { WebSocket } from 'ws'
import { startServerProcess, usage } from '../server-process.ts'
import { metric } from './target.ts'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    streams: { type: 'string', default: '20' },
    voice: { type: 'string', default: 'heart' },
    settle: { type: 'string', default: '10' },
  },
})
const minutes = Number(flags.minutes)
const settle = Math.min(Number(flags.settle), minutes / 3)
const random = new Random(1)
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!
const FORMATS = ['mp3', 'opus', 'flac', 'wav', 'pcm'] as const
const TEXT = 'The ferry leaves the harbour at noon. It comes back before dark, unless the wind is against it.'

const server = await startServerProcess({ SPARSEWAVE_VOICE: flags.voice })
const until = Date.now() + minutes * 60_000
let requests = 0
let failures = 0

/** One client after the other. */
async function clients(): Promise<void> {
  while (Date.now() < until) {
    requests++
    try {
      await (random.uniform() < 0.7 ? overHttp() : overWebSocket())
    } catch {
      failures++
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function overHttp(): Promise<void> {
  const leaves = random.uniform() < 0.2
  const controller = new AbortController()
  const answer = await fetch(`http://127.0.0.1:${server.port}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: TEXT, response_format: pick(FORMATS), stream_format: pick(['audio', 'sse']) }),
    signal: controller.signal,
  })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  for await (const _ of answer.body!) {
    if (!leaves) continue
    controller.abort()
    return
  }
}

function overWebSocket(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/audio/stream`, { perMessageDeflate: false })
    const leaves = random.uniform() < 0.2
    socket.on('open', () => {
      for (const word of TEXT.split(/(?<= )/)) socket.send(JSON.stringify({ type: 'text', text: word }))
      socket.send(JSON.stringify({ type: 'close' }))
    })
    socket.on('message', (_, isBinary) => {
      if (leaves && isBinary) socket.terminate()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
}

interface Reading {
  readonly minute: number
  readonly resident: number
  readonly heap: number
  readonly external: number
}
const readings: Reading[] = []
const MIB = 2 ** 20

async function read(minute: number): Promise<void> {
  const [heap, external] = await Promise.all([
    metric(server, 'nodejs_heap_size_used_bytes'),
    metric(server, 'nodejs_external_memory_bytes'),
  ])
  const reading = { minute, resident: usage(server.pid).memory, heap: heap / MIB, external: external / MIB }
  readings.push(reading)
  const cells = [reading.resident, reading.heap, reading.external].map((mib) => mib.toFixed(1)).join(' | ')
  console.log(`| ${minute.toFixed(0)} | ${cells} | ${requests} | ${failures} |`)
}

/** MiB a minute by least squares, and the mean. */
function slopeOf(points: readonly (readonly [number, number])[]): { slope: number; mean: number } {
  const n = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const mean = points.reduce((sum, [, y]) => sum + y, 0) / n
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - mean), 0)
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return { slope: under > 0 ? over / under : 0, mean }
}

let grew = false
try {
  console.log('| minute | resident MiB | heap MiB | outside the heap MiB | requests | failures |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  const all = Promise.all(Array.from({ length: Number(flags.streams) }, clients))
  for (let minute = 0; minute <= minutes; minute++) {
    await read(minute)
    if (minute < minutes) await new Promise((resolve) => setTimeout(resolve, 60_000))
  }
  await all
  const settled = readings.filter(({ minute }) => minute >= settle)
  console.log(`\n| from minute ${settle.toFixed(0)} on | MiB a minute | growth |\n| --- | --- | --- |`)
  for (const what of ['resident', 'heap', 'external'] as const) {
    const { slope, mean } = slopeOf(settled.map((reading) => [reading.minute, reading[what]] as const))
    const growth = (slope * (minutes - settle)) / Math.max(1, mean)
    console.log(`| ${what} | ${slope.toFixed(3)} | ${(100 * growth).toFixed(2)} % |`)
    if (what === 'resident') grew = growth > 0.02
  }
} finally {
  await server.stop()
}
process.exitCode = grew ? 1 : 0
