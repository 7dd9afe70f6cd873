/**
 * A server under bad clients: those that vanish, those that send what is malformed, and those that attack. Prints what is left
 * afterwards and what a bystander notices of each attack. Ends with 1 if that is more than it should be.
 *
 *     npm run bench:abuse -- [--disconnects 10000] [--fuzz 100000] [--attack-seconds 10] [--listeners 10] [--only words] [--seed 1]
 *
 * `--only` runs the attacks whose name holds the words. Underruns and times mean something only on a machine with a core to
 * spare for the attackers: compare each row with the first one, which has none.
 */
import { parseArgs } from 'node:util'
import { startServerProcess, usage } from '../server-process.ts'
import { ATTACKS, attack, BASELINE, EFFECT_HEAD, effectRow, KEY } from './attacks.ts'
import { disconnectMany } from './disconnects.ts'
import { fuzz } from './fuzz.ts'
import { metric } from './target.ts'

const { values: flags } = parseArgs({
  options: {
    disconnects: { type: 'string', default: '10000' },
    fuzz: { type: 'string', default: '100000' },
    'attack-seconds': { type: 'string', default: '10' },
    listeners: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
  },
})
const seed = Number(flags.seed)
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

// The small voice: what is tested is the server around it.
const server = await startServerProcess({ SPARSEWAVE_VOICE: process.env.SPARSEWAVE_VOICE ?? 'tiny' })

/** What is there once the last client has gone; waits a while for what is on its way out. */
async function left(): Promise<{ streams: number; sockets: number; files: number; memory: number }> {
  for (let tries = 0; ; tries++) {
    const [streams, sockets] = await Promise.all([
      metric(server, 'tts_streams_active'),
      metric(server, 'ws_connections'),
    ])
    const { files, memory } = usage(server.pid)
    if ((streams === 0 && sockets === 0) || tries === 20) return { streams, sockets, files, memory }
    await sleep(500)
  }
}
const show = (what: string, { streams, sockets, files, memory }: Awaited<ReturnType<typeof left>>): void =>
  console.log(`| ${what} | ${streams} | ${sockets} | ${files} | ${memory.toFixed(0)} |`)

let failed = false
try {
  console.log('| after | streams | WebSockets | open files | MiB |\n| --- | --- | --- | --- | --- |')
  const disconnects = Number(flags.disconnects)
  await disconnectMany(server, Math.min(200, disconnects), seed + 1000)
  const before = await left()
  show('warm-up', before)
  for (let done = 0; done < disconnects; ) {
    const count = Math.min(2000, disconnects - done)
    await disconnectMany(server, count, seed + done)
    done += count
    const now = await left()
    show(`${done} disconnects`, now)
    // A keep-alive connection of this program's own may come and go.
    failed ||= now.streams > 0 || now.sockets > 0 || now.files > before.files + 8
  }
  const report = await fuzz(server, Number(flags.fuzz), seed)
  const after = await left()
  show(`${report.sent} malformed inputs`, after)
  const lost = await metric(server, 'tts_workers_lost_total')
  const internal = await metric(server, 'tts_requests_total', 'server_error')
  const health = await fetch(`http://127.0.0.1:${server.port}/health/ready`)
  console.log(`\nanswers: ${JSON.stringify(report.answers)}`)
  console.log(`threads lost: ${lost}; requests that failed inside the server: ${internal}; ready: ${health.status}`)
  for (const fault of report.faults) console.log(`FAULT ${fault}`)
  failed ||= lost > 0 || internal > 0 || health.status !== 200 || report.faults.length > 0 || after.streams > 0
} finally {
  await server.stop()
}

const seconds = Number(flags['attack-seconds'])
if (seconds > 0) {
  const attacked = await startServerProcess({
    SPARSEWAVE_VOICE: process.env.SPARSEWAVE_VOICE ?? 'tiny',
    SPARSEWAVE_API_KEYS: KEY,
  })
  try {
    console.log(`\n${EFFECT_HEAD}`)
    for (const each of [BASELINE, ...ATTACKS.filter(({ name }) => name.includes(flags.only))]) {
      const effect = await attack(attacked, each, seconds, Number(flags.listeners))
      console.log(effectRow(effect))
      failed ||= effect.refused > 0 || effect.liveness === Number.POSITIVE_INFINITY
    }
    const { files, memory } = usage(attacked.pid)
    console.log(`\nafterwards: ${files} files open, ${memory.toFixed(0)} MiB resident`)
  } finally {
    await attacked.stop()
  }
}
process.exitCode = failed ? 1 : 0
