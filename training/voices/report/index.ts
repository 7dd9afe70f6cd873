/** The step *report*: one page that says which recordings are used, which are not and why, and how the voice compares with them. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { readWav } from 'sparsewave/internal/audio/wav'
import { escapeHtml } from 'sparsewave/internal/html'
import { type Chart, svgCharts } from '../../chart.ts'
import { median } from '../../evaluate/measures.ts'
import { type AlignedUtterance, CORPUS, readAligned } from '../align/index.ts'
import { type Checked, readChecked } from '../check/index.ts'
import { type Finding, isLeftOut, LIMITS } from '../check/verdict.ts'
import { readImported, readImportedAudio } from '../import/index.ts'
import { type Comparison, readComparisons } from '../listen.ts'
import type { VoiceProject } from '../project.ts'
import { RUN } from '../train.ts'
import { GRADES, scatterSvg } from './scatter.ts'
import { spectrogramSvg } from './spectrogram.ts'

export const REPORT = 'report.html'

/** Spectrograms in the page: they make it large. */
const MOST_PICTURES = 40
const GOOD_PICTURES = 5
/** Longer recordings are not drawn whole, seconds. */
const LONGEST_PICTURE = 20

export interface Summary {
  readonly recordings: number
  readonly kept: number
  /** Minutes of what is kept, with its silences. */
  readonly minutes: number
  readonly leftOut: number
  readonly file: string
}

interface Entry {
  readonly checked: Checked
  readonly utterances: readonly AlignedUtterance[]
  readonly findings: readonly Finding[]
  readonly grade: 0 | 1 | 2
}

/** Writes report.html from what the steps left. Throws CORPUS_MISSING when nothing was imported. */
export function writeReport(project: VoiceProject): Summary {
  const { leftOut } = readImported(project)
  const { utterances, missing, limit } = readAligned(project)
  const entries = readChecked(project).map((checked): Entry => {
    const own = utterances.filter((u) => u.recording === checked.id)
    const findings = [...checked.findings, ...own.flatMap((u) => u.findings)]
    const isOut = isLeftOut(checked.findings) || (own.length > 0 && own.every((u) => isLeftOut(u.findings)))
    return { checked, utterances: own, findings, grade: isOut ? 2 : findings.length > 0 ? 1 : 0 }
  })
  const isAligned = utterances.length > 0
  const kept = entries.filter((e) => e.grade < 2)
  const seconds = isAligned
    ? utterances.filter((u) => !isLeftOut(u.findings)).reduce((sum, u) => sum + u.seconds, 0)
    : kept.reduce((sum, e) => sum + e.checked.signal.seconds, 0)
  const summary: Summary = {
    recordings: entries.length + leftOut.length,
    kept: kept.length,
    minutes: seconds / 60,
    leftOut: entries.length - kept.length + leftOut.length,
    file: project.path(REPORT),
  }
  const sections = [
    overview(project, summary, entries, isAligned),
    plots(entries, isAligned, limit),
    recordingsTable(project, entries, limit),
    list(
      'Not used, since they could not be read or paired',
      leftOut.map((l) => [l.name, l.why]),
    ),
    list(
      'Sentences of long recordings that were not found',
      missing.map((m) => [m.name, m.text]),
    ),
    training(project),
    listening(readComparisons(project)),
  ]
  project.write(REPORT, page(project.name, sections.join('\n')))
  return summary
}

const number = (v: number, digits = 1) => (Number.isFinite(v) ? v.toFixed(digits) : '-')

function overview(
  project: VoiceProject,
  { recordings, minutes, leftOut }: Summary,
  entries: readonly Entry[],
  isAligned: boolean,
): string {
  const { speaker, consent, consentDate, language } = project.settings
  const kinds = new Map<string, number>()
  for (const { findings } of entries)
    for (const kind of new Set(findings.filter((f) => f.fault).map((f) => f.kind)))
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const why = [...kinds].sort((a, b) => b[1] - a[1]).map(([kind, n]) => `${kind} ${n}`)
  const of = (pick: (e: Entry) => number) => median(entries.filter((e) => e.grade < 2).map(pick))
  const rows: [string, string][] = [
    ['used', `${minutes.toFixed(1)} minutes of ${recordings} recordings`],
    ['left out', leftOut === 0 ? 'none' : `${leftOut}${why.length > 0 ? `: ${why.join(', ')}` : ''}`],
    [
      'speech over noise',
      `${number(
        of((e) => e.checked.signal.snr),
        0,
      )} dB (median)`,
    ],
    ['bandwidth', `${number(of((e) => e.checked.signal.bandwidth) / 1000)} kHz (median)`],
    ['language', language],
    ['speaker', speaker ?? 'not said yet'],
    ['consent', consent ? `${consent} (recorded ${consentDate})` : 'not said yet: training asks for it'],
    ['next', advice(minutes, isAligned)],
  ]
  return `<table class="facts">${rows.map(([a, b]) => `<tr><th>${a}</th><td>${escapeHtml(b)}</td></tr>`).join('')}</table>`
}

function advice(minutes: number, isAligned: boolean): string {
  if (!isAligned) return 'align the recordings with their texts'
  if (minutes < 2) return 'record more: under two minutes a voice is hardly recognised'
  if (minutes < 5) return 'train, or record more: five minutes and more are better'
  return 'train'
}

function plots(entries: readonly Entry[], isAligned: boolean, limit: number): string {
  const dots = (x: (e: Entry) => number, y: (e: Entry) => number) =>
    entries.map((e) => ({
      x: x(e),
      y: y(e),
      grade: e.grade,
      title: `${e.checked.name}${e.findings.length > 0 ? `: ${e.findings.map((f) => f.text).join(' ')}` : ''}`,
      link: e.checked.id,
    }))
  const rate = (e: Entry) => e.checked.facts.symbols / Math.max(0.1, e.checked.signal.speech)
  const worst = (e: Entry) => Math.min(0, ...e.utterances.map((u) => u.worst))
  const charts = [
    scatterSvg({
      title: 'Noise and bandwidth',
      xLabel: 'bandwidth, kHz',
      yLabel: 'speech over noise, dB',
      x: [0, 12],
      y: [0, 70],
      limits: { x: LIMITS.bandwidth[0] / 1000, y: LIMITS.snr[0] },
      dots: dots(
        (e) => e.checked.signal.bandwidth / 1000,
        (e) => e.checked.signal.snr,
      ),
    }),
    scatterSvg({
      title: 'Level and clipping',
      xLabel: 'level of the speech, dBFS',
      yLabel: 'clipped, %',
      x: [-60, 0],
      y: [0, 1],
      limits: { x: LIMITS.level[0], y: 100 * LIMITS.clipped[0] },
      dots: dots(
        (e) => e.checked.signal.level,
        (e) => 100 * e.checked.signal.clipped,
      ),
    }),
    isAligned
      ? scatterSvg({
          title: 'Does the text fit?',
          xLabel: 'symbols a second of speech',
          yLabel: 'fit of the worst word',
          x: [0, 35],
          y: [-50, 0],
          limits: { y: limit },
          dots: dots(rate, worst),
        })
      : scatterSvg({
          title: 'Length and text',
          xLabel: 'symbols a second of speech',
          yLabel: 'seconds of speech',
          x: [0, 35],
          y: [0, 20],
          limits: { x: LIMITS.rate[0] },
          dots: dots(rate, (e) => e.checked.signal.speech),
        }),
  ]
  const key = ['used', 'used, with a remark', 'left out'].map(
    (t, i) => `<span style="color:${GRADES[i]}">●</span> ${t}`,
  )
  return `<h2>At a glance</h2><p>Each dot is a recording. ${key.join(' &nbsp; ')}. Click one to see it below.</p><div class="plots">${charts.join('')}</div>`
}

function recordingsTable(project: VoiceProject, entries: readonly Entry[], limit: number): string {
  const heads = ['recording', 'seconds', 'level, dBFS', 'over noise, dB', 'clipped, %', 'band, kHz', 'worst word']
  let pictures = 0
  let goodPictures = 0
  const rows = [...entries]
    .sort(
      (a, b) =>
        b.grade - a.grade ||
        Math.min(0, ...a.utterances.map((u) => u.worst)) - Math.min(0, ...b.utterances.map((u) => u.worst)),
    )
    .map((e) => {
      const { id, name, text, signal } = e.checked
      const draws = pictures < MOST_PICTURES && (e.grade > 0 || goodPictures++ < GOOD_PICTURES)
      const picture = draws ? drawing(project, e, limit) : ''
      if (draws) pictures++
      const findings = e.findings
        .map((f) => `<li class="${f.fault ? 'fault' : 'remark'}">${escapeHtml(f.text)}</li>`)
        .join('')
      const scores = e.utterances.map((u) => u.worst)
      const cells = [
        number(signal.seconds),
        number(signal.level, 0),
        number(signal.snr, 0),
        number(100 * signal.clipped, 2),
        number(signal.bandwidth / 1000),
        scores.length > 0 ? number(Math.min(...scores)) : '',
      ]
      return `<tr id="${id}" class="grade${e.grade}"><td><b>${escapeHtml(name)}</b><br>${escapeHtml(text.length > 300 ? `${text.slice(0, 300)}…` : text)}<ul>${findings}</ul><audio controls preload="none" src="import/audio/${id}.wav"></audio>${picture}</td>${cells.map((c, i) => `<td class="n" data-head="${heads[i + 1]}">${c}</td>`).join('')}</tr>`
    })
  return `<h2>Recordings</h2><p>Those left out come first.</p><table class="recordings"><thead><tr>${heads.map((h) => `<th>${h}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

/** Spectrograms with words of what was aligned, the worst first, or of the recording itself. */
function drawing(project: VoiceProject, { checked, utterances, grade }: Entry, limit: number): string {
  const drawn = [...utterances]
    .sort((a, b) => a.worst - b.worst)
    .slice(0, 2)
    .flatMap((u) => {
      const file = project.path(CORPUS, 'audio', `${u.id}.wav`)
      if (!existsSync(file) || u.seconds > LONGEST_PICTURE) return []
      const marks = u.words.map((w) => ({ text: w.text, start: w.start, end: w.end, bad: w.score < limit }))
      return [spectrogramSvg(readWav(file).samples, marks)]
    })
  if (drawn.length === 0 && checked.signal.seconds <= LONGEST_PICTURE)
    drawn.push(spectrogramSvg(readImportedAudio(project, checked.id), []))
  return drawn.length === 0
    ? ''
    : `<details${grade === 2 ? ' open' : ''}><summary>spectrogram</summary>${drawn.map((d) => `<div class="wide">${d}</div>`).join('')}</details>`
}

function list(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return ''
  const items = rows.map(([a, b]) => `<tr><td><b>${escapeHtml(a)}</b></td><td>${escapeHtml(b)}</td></tr>`)
  return `<h2>${title}</h2><table>${items.join('')}</table>`
}

/** Losses of the acoustic model's run, where it was trained. */
function training(project: VoiceProject): string {
  const log = project.readLines<{ event?: string; update?: number; smoothed?: number }>(path.join(RUN, 'log.jsonl'))
  const points = log.flatMap(({ event, update, smoothed }): (readonly [number, number])[] =>
    event === 'train' && update !== undefined && smoothed !== undefined ? [[update, smoothed]] : [],
  )
  if (points.length < 2) return ''
  const every = Math.max(1, Math.floor(points.length / 12))
  const chart: Chart = {
    title: 'Loss',
    xLabel: 'update',
    yLabel: 'loss',
    series: [{ name: 'training', points: points.filter((_, i) => i % every === 0) }],
  }
  return `<h2>Training</h2>${svgCharts('Training', [chart])}`
}

function listening(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return ''
  const rows = comparisons.map(
    (c) =>
      `<tr><td>${escapeHtml(c.text)}</td><td><audio controls preload="none" src="${c.recording}"></audio></td><td><audio controls preload="none" src="${c.speech}"></audio></td><td class="n">${number(c.seconds[0])}</td><td class="n">${number(c.seconds[1])}</td><td class="n">${number(c.f0[0], 0)}</td><td class="n">${number(c.f0[1], 0)}</td><td class="n">${number(c.spectrumDb)}</td></tr>`,
  )
  const heads = ['text', 'recording', 'voice', 'seconds', 'voice', 'F0, Hz', 'voice', 'spectrum, dB apart']
  return `<h2>Listen</h2><p>These recordings were held out: training never saw them.</p><table><thead><tr>${heads.map((h) => `<th>${h}</th>`).join('')}</tr></thead>${rows.join('\n')}</table>`
}

const page = (name: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Voice ${escapeHtml(name)}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em; color: var(--ink); background: var(--paper) }
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd; --target: #fef9e7; --remark: #9c640c; --fault: ${GRADES[2]} }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #16181c; --line: #3a3d44; --target: #3a3320; --remark: #e0b060; --fault: #ff8a7a } }
h1, h2 { line-height: 1.2 } table { border-collapse: collapse; width: 100% } td, th { padding: .35em .6em; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
.facts { width: auto } .n { text-align: right; font-variant-numeric: tabular-nums } .plots { display: flex; flex-wrap: wrap; gap: 12px }
svg { max-width: 100%; height: auto; background: #fff } .wide { overflow-x: auto; max-width: 700px } .wide svg { max-width: none }
.grade2 td:first-child { border-left: 6px solid ${GRADES[2]} } .grade1 td:first-child { border-left: 6px solid ${GRADES[1]} } .grade0 td:first-child { border-left: 6px solid ${GRADES[0]} }
ul { margin: .2em 0; padding-left: 1.1em } .fault { color: var(--fault); font-weight: 600 } .remark { color: var(--remark) } audio { height: 28px; max-width: 100%; vertical-align: middle }
tr:target { background: var(--target) }
@media (max-width: 760px) { .recordings, .recordings tbody, .recordings tr, .recordings td:first-child { display: block } .recordings thead { display: none } .recordings td.n { display: inline-block; border: 0 } .recordings td.n::before { content: attr(data-head) ' '; color: var(--remark) } table { overflow-wrap: anywhere } .wide { max-width: 90vw } }
</style></head><body><h1>Voice ${escapeHtml(name)}</h1>
${body}
</body></html>
`
