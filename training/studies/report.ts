/**
 * The document of a study, made from its log alone: what was compared, the table of means and spreads, differences to the best
 * control with their standard errors, plots, and where the figures come from.
 */
import { type Chart, svgCharts } from '../chart.ts'
import type { LoggedRun } from './log.ts'
import { cells, type Study } from './study.ts'

export interface Summary {
  readonly count: number
  readonly mean: number
  /** Standard deviation of the sample; NaN for one run. */
  readonly deviation: number
}

export function summarize(values: readonly number[]): Summary {
  const count = values.length
  const mean = values.reduce((a, b) => a + b, 0) / count
  const deviation = Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (count - 1))
  return { count, mean, deviation: count > 1 ? deviation : Number.NaN }
}

/** Mean difference a - b over the seeds both have, and its standard error: seeds share initial weights and data. */
export function pairedDifference(
  a: readonly LoggedRun[],
  b: readonly LoggedRun[],
): { mean: number; error: number; count: number } {
  const bySeed = new Map(b.map((run) => [run.seed, run.value]))
  const { count, mean, deviation } = summarize(
    a.filter((run) => bySeed.has(run.seed)).map((run) => run.value - bySeed.get(run.seed)!),
  )
  return { mean, error: deviation / Math.sqrt(count), count }
}

const percent = (density: number) => `${Number((100 * density).toFixed(2))} %`
const signed = (v: number, digits: number) => `${v < 0 ? '-' : '+'}${Math.abs(v).toFixed(digits)}`

export function writeReport(declared: Study, runs: readonly LoggedRun[]): { text: string; svg: string | undefined } {
  const study = { ...declared, densities: [...declared.densities].sort((a, b) => a - b) }
  const { metric, densities, methods } = study
  const of = (method: string, density: number) => runs.filter((r) => r.method === method && r.density === density)
  const total = cells(study).length
  const lines = [
    `# ${study.title}`,
    '',
    ...study.text.flatMap((paragraph) => [paragraph, '']),
    `Command: \`sparsewave study ${study.name}\`. The table, the plots and this page are made from`,
    `[data/${study.name}.jsonl](data/${study.name}.jsonl), one line a run.`,
    '',
  ]
  if (runs.length < total) lines.push(`**Unfinished: ${runs.length} of ${total} runs.**`, '')
  if (runs.length === 0) return { text: lines.join('\n'), svg: undefined }

  lines.push('## Equal compute', '')
  lines.push(
    'Every run of a column has the same budget of multiply-accumulates. It counts forward and backward, over all members.',
    '',
  )
  lines.push('| density | budget, GMAC a run |', '| --- | --- |')
  for (const d of densities) lines.push(`| ${percent(d)} | ${study.budget(d).toFixed(1)} |`)
  lines.push('', '## Result', '')
  lines.push(
    `${metric.name}, ${metric.unit}: mean ± standard deviation over seeds (number of seeds). The lowest mean is bold.`,
    '',
    `| method | ${densities.map(percent).join(' | ')} | updates | s a run |`,
    `| --- | ${densities.map(() => '---').join(' | ')} | --- | --- |`,
  )
  const summaries = (density: number) =>
    methods.map(({ label }) => {
      const found = of(label, density)
      return found.length > 0 ? summarize(found.map((r) => r.value)) : undefined
    })
  const best = densities.map((d) => Math.min(...summaries(d).map((s) => s?.mean ?? Infinity)))
  for (const [i, { label }] of methods.entries()) {
    const row = densities.map((d, k) => {
      const s = summaries(d)[i]
      if (!s) return '-'
      const spread = Number.isNaN(s.deviation) ? '' : ` ± ${s.deviation.toFixed(metric.digits)}`
      const text = `${s.mean.toFixed(metric.digits)}${spread} (${s.count})`
      return s.mean === best[k] ? `**${text}**` : text
    })
    const own = runs.filter((r) => r.method === label)
    const updates = own.map((r) => r.updates)
    const range =
      own.length === 0
        ? '-'
        : Math.min(...updates) === Math.max(...updates)
          ? `${updates[0]}`
          : `${Math.min(...updates)}-${Math.max(...updates)}`
    const seconds = own.length > 0 ? summarize(own.map((r) => r.seconds)).mean.toFixed(1) : '-'
    lines.push(`| ${label} | ${row.join(' | ')} | ${range} | ${seconds} |`)
  }
  lines.push(
    '',
    ...differences(study, of),
    ...(study.more?.(runs) ?? []),
    ...(study.reading && runs.length === total ? ['## Reading', '', ...study.reading.flatMap((p) => [p, ''])] : []),
    '## Methods',
    '',
    '| method | |',
    '| --- | --- |',
  )
  for (const { label, masks, note } of methods) lines.push(`| ${label} | ${note}: \`${optionsOf(masks)}\` |`)

  const unique = (values: readonly string[]) => [...new Set(values)].join(', ')
  lines.push('', '## Where it comes from', '')
  lines.push(
    `${(runs.reduce((a, r) => a + r.seconds, 0) / 60).toFixed(1)} minutes of wall time, one thread. Commit ${unique(runs.map((r) => r.commit))}. ${unique(runs.map((r) => r.machine))}.`,
    '',
    `![${study.title}](${study.name}.svg)`,
    '',
  )
  return { text: lines.join('\n'), svg: svgCharts(study.title, charts(study, of)) }
}

/** Mask methods with an evolution strategy over the masks. */
const HYBRIDS = ['hybrid-es', 'policy-es']

/** Every hybrid against the controls it must beat, seed by seed. */
function differences(study: Study, of: (method: string, density: number) => LoggedRun[]): string[] {
  const isHybrid = (m: Study['methods'][number]) => HYBRIDS.includes(m.masks.method) && !m.control
  const hybrids = study.methods.filter(isHybrid)
  const controls = study.methods.filter((m) => !isHybrid(m) && m.net === undefined)
  if (hybrids.length === 0 || controls.length === 0) return []
  const lines = [
    '## Hybrid ES less its controls',
    '',
    'Mean of the differences seed by seed ± its standard error. Below 0 the hybrid is better. A difference within two standard errors of 0 proves nothing.',
    '',
    `| hybrid | control | ${study.densities.map(percent).join(' | ')} |`,
    `| --- | --- | ${study.densities.map(() => '---').join(' | ')} |`,
  ]
  for (const hybrid of hybrids) {
    for (const control of controls) {
      const row = study.densities.map((d) => {
        const { mean, error, count } = pairedDifference(of(hybrid.label, d), of(control.label, d))
        if (count === 0) return '-'
        const spread = Number.isNaN(error) ? '' : ` ± ${error.toFixed(study.metric.digits)}`
        return `${signed(mean, study.metric.digits)}${spread}`
      })
      lines.push(`| ${hybrid.label} | ${control.label} | ${row.join(' | ')} |`)
    }
  }
  return [...lines, '']
}

const optionsOf = ({ method, ...options }: Study['methods'][number]['masks']): string =>
  [method, ...Object.entries(options).map(([k, v]) => `${k} ${v}`)].join(', ')

function charts(study: Study, of: (method: string, density: number) => LoggedRun[]): Chart[] {
  const final = study.methods.map(({ label }) => ({
    name: label,
    points: study.densities
      .filter((d) => of(label, d).length > 0)
      .map((d) => [100 * d, summarize(of(label, d).map((r) => r.value)).mean] as const),
  }))
  const series = final.filter((s) => s.points.length > 0)
  const low = Math.min(...series.flatMap((s) => s.points.map(([, y]) => y)))
  const high = Math.max(...series.flatMap((s) => s.points.map(([, y]) => y)))
  // A loss far from 0 is shown from a little below its least.
  const yFrom = low > 2 * (high - low) ? low - 0.1 * (high - low) : 0
  const found: Chart[] = [
    {
      title: `${study.metric.name} at the end`,
      xLabel: 'density, %',
      yLabel: study.metric.unit,
      yFrom,
      series,
    },
  ]
  for (const d of study.densities) {
    const curves = study.methods.map(({ label }) => ({ name: label, points: meanCurve(of(label, d)) }))
    const drawn = curves.filter((c) => c.points.length > 0)
    if (drawn.length === 0) continue
    // The first part of a curve would flatten the rest.
    const shown = drawn.map((c) => ({ ...c, points: c.points.slice(Math.floor(c.points.length / 5)) }))
    const ys = shown.flatMap((c) => c.points.map(([, y]) => y))
    const least = Math.min(...ys)
    const range = Math.max(...ys) - least
    found.push({
      title: `training at ${percent(d)}`,
      xLabel: 'share of the budget, %',
      yLabel: study.lossName,
      yFrom: least > 2 * range ? least - 0.1 * range : 0,
      series: shown,
    })
  }
  return found
}

/** Mean over seeds at the points that all have. */
function meanCurve(runs: readonly LoggedRun[]): [number, number][] {
  const length = Math.min(...runs.map((r) => r.curve.length))
  if (!Number.isFinite(length)) return []
  return Array.from({ length }, (_, i) => [
    Math.round(100 * runs[0]!.curve[i]![0]),
    runs.reduce((a, r) => a + r.curve[i]![1], 0) / runs.length,
  ])
}
