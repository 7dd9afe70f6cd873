/** `sparsewave doctor`: what this machine offers, what was chosen and why, and whether the voices' files are whole. */
import { spawnSync } from 'node:child_process'
import { freemem, release, totalmem } from 'node:os'
import { Command } from 'commander'
import { missingEncoder } from '../audio/encoders/index.ts'
import { chooseEngine } from '../engine.ts'
import { SparsewaveError } from '../errors.ts'
import { availableKernels, chooseKernel, choosePrecision, detectCpu } from '../kernels/index.ts'
import { FORMATS, type Format } from '../synthesis/index.ts'
import { packageVersion } from '../version.ts'
import { loadTraining, type ReportLine } from './training.ts'
import { checkVoices } from './voices.ts'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('report CPU, memory, kernels, voices and formats, and what is wrong with them')
    .action(doctor)
}

async function doctor(): Promise<void> {
  const cpu = detectCpu()
  const kernels = attempt(() =>
    availableKernels()
      .map((kernel) => kernel.name)
      .join(', '),
  )
  const choice = attempt(() => {
    const { kernel, why } = chooseKernel()
    return `${kernel.name}: ${why}`
  })
  const precision = attempt(() => {
    const { precision, why } = choosePrecision(chooseKernel().kernel)
    return `${precision}: ${why}`
  })
  const part = (name: 'sourceFilter' | 'layers') =>
    attempt(() => {
      const chosen = chooseEngine()[name]
      return `${chosen.name}: ${chosen.why}`
    })
  const compiler = findCompiler()
  const sections: [string, readonly ReportLine[]][] = [
    [
      'Machine',
      [
        line('sparsewave', packageVersion()),
        line('node', `${process.version} on ${process.platform} ${release()}, ${process.arch}`),
        line('cpu', `${cpu.model}, ${cpu.count} logical processors`),
        line('features', cpu.features.join(' ') || 'unknown: the native addon is not built'),
        line('memory', `${gib(totalmem())} GiB, ${gib(freemem())} GiB free`),
        { name: 'compiler', ok: compiler !== undefined, detail: compiler ?? 'none: speech runs on WebAssembly' },
      ],
    ],
    [
      'Kernels',
      [
        { name: 'chosen', ...choice },
        { name: 'precision', ...precision },
        { name: 'source-filter', ...part('sourceFilter') },
        { name: 'acoustic', ...part('layers') },
        { name: 'available', ...kernels },
      ],
    ],
    ['Voices', await checkVoices()],
    ['Formats', FORMATS.map(formatLine)],
  ]
  const training = (await (await loadTraining())?.engineReport?.()) ?? []
  if (training.length > 0) sections.push(['Training', training])
  for (const [title, lines] of sections) {
    process.stdout.write(`${title}\n`)
    for (const { name, ok, detail } of lines) process.stdout.write(`  ${ok ? ' ' : '!'} ${name.padEnd(14)} ${detail}\n`)
  }
  const unusable = !choice.ok || !precision.ok || sections[2]![1].some((voice) => !voice.ok)
  process.exitCode = unusable ? 2 : 0
}

/** Whether a format can be encoded here. */
function formatLine(name: Format): ReportLine {
  const missing = missingEncoder(name)
  return {
    name,
    ok: missing === undefined,
    detail: missing === undefined ? 'can be written' : `cannot be written: ${missing}`,
  }
}

const line = (name: string, detail: string): ReportLine => ({ name, ok: true, detail })
const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)

function attempt(get: () => string): { ok: boolean; detail: string } {
  try {
    return { ok: true, detail: get() }
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    return { ok: false, detail: `${error.message} ${error.remedy}` }
  }
}

/** First line of the version of the first compiler found. */
function findCompiler(): string | undefined {
  for (const name of [process.env.CXX, 'c++', 'g++', 'clang++']) {
    if (!name) continue
    const { status, stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' })
    if (status === 0) return stdout.split('\n')[0]
  }
  return undefined
}
