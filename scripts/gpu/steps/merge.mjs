/**
 * Figures of several runs of bench/engines as one: points are joined, and the chart drawn anew.
 *
 *     node steps/merge.mjs ROOT OUT LOG FIRST.json SECOND.json ...
 *
 * writes OUT.json and OUT.svg; without any of the files, as where the benchmark was ended, from its lines in LOG. Profiles (`points` with `kernels`) are put in one list: node steps/merge.mjs --list OUT.json A.json ...
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const read = (files) => files.filter((f) => existsSync(f)).map((f) => JSON.parse(readFileSync(f, 'utf8')))

/** The benchmark's figures, rounded as it prints them. */
function fromLog(text) {
  const rows = [
    ...text.matchAll(
      /^(native|webgpu|torch) +(\d+) +([\d.e+-]+) +([\d.e+-]+) +([\d.e+-]+) +([\d.e+-]+) +([\d.e+-]+)$/gm,
    ),
  ]
  if (rows.length === 0) throw new Error('no figures')
  const [, hidden, steps, names] = /^hidden (\d+), (\d+) steps, .*; engines: (.*)$/m.exec(text)
  const points = rows.map(([, engine, ...values]) => {
    const [sequences, seconds, cpuSeconds, updatesPerSecond, audioPerSecond, gmacs] = values.map(Number)
    return { engine, sequences, seconds, cpuSeconds, updatesPerSecond, audioPerSecond, gmacs }
  })
  const machine = /^(.*, \d+ cores, Node v.*)$/m.exec(text)[1]
  return { machine, engines: [names], hidden: Number(hidden), steps: Number(steps), rounded: true, points }
}

const args = process.argv.slice(2)
if (args[0] === '--list') {
  writeFileSync(args[1], `${JSON.stringify(read(args.slice(2)))}\n`)
} else {
  const [root, out, log, ...files] = args
  const { svgCharts } = await import(pathToFileURL(resolve(join(root, 'training/dist/chart.js'))).href)
  const all = read(files)
  if (all.length === 0) all.push(fromLog(readFileSync(log, 'utf8')))
  const points = all.flatMap((made) => made.points)
  const names = [...new Set(points.map((p) => p.engine))]
  const about = { ...all[0], engines: [...new Set(all.flatMap((made) => made.engines))] }
  delete about.points
  const chart = {
    title: 'Training: audio by sequences in flight',
    xLabel: 'sequences',
    yLabel: 's of audio / s',
    series: names.map((name) => ({
      name,
      points: points.filter((p) => p.engine === name).map((p) => [p.sequences, p.audioPerSecond]),
    })),
  }
  writeFileSync(`${out}.svg`, svgCharts('Training engines', [chart]))
  writeFileSync(`${out}.json`, `${JSON.stringify({ ...about, points }, null, 1)}\n`)
}
