// The training page: jobs and their progress, losses as they come, samples and masks of each validation.
import { Api } from './api.js'
import { colorOf, drawLosses, onTheme } from './chart.js'
import { drawMask } from './mask.js'

const $ = (id) => document.getElementById(id)
const ENDED = ['succeeded', 'failed', 'cancelled']
/** Milliseconds between looks at the list. The chosen job comes as a stream. */
const LOOK = 3000
/** Events that are shown. */
const EVENTS = 200

let api
let jobs = []
let chosen // {id, abort, validations, before}
const marked = new Set()
const curves = new Map() // id -> {train, held}

const say = (text, isBad = false) => {
  $('status').textContent = text
  $('status').classList.toggle('bad', isBad)
}
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}
const attempt = (work) => work().catch((error) => error.name !== 'AbortError' && say(error.message, true))
const nameOf = (job) => job.metadata.name ?? `${job.kind} ${job.id.slice(4, 12)}`
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hourCycle: 'h23' })
function until(seconds) {
  const left = Math.max(0, seconds - Date.now() / 1000)
  const [h, m] = [Math.floor(left / 3600), Math.round(left / 60) % 60]
  return left < 60 ? 'within a minute' : `in ${h > 0 ? `${h} h ` : ''}${m} min`
}
const stateOf = (job) =>
  job.status === 'running'
    ? `${job.interrupted ? 'interrupted' : 'running'} ${Math.floor(100 * job.progress)} %`
    : job.status

// The list ------------------------------------------------------------------------------------------------------------

function showJobs() {
  $('queue').hidden = false
  if (jobs.length === 0) {
    $('jobs').replaceChildren(element('li', { textContent: 'No jobs yet. The interface says how to start one.' }))
    return
  }
  const focused = document.activeElement?.dataset?.id
  $('jobs').replaceChildren(
    ...jobs.map((job) => {
      const mark = element('input', {
        type: 'checkbox',
        checked: marked.has(job.id),
        ariaLabel: `Compare ${nameOf(job)}`,
      })
      mark.addEventListener('change', () => attempt(() => compare(job.id, mark.checked)))
      const bar = element('progress', { max: 1, value: job.progress, hidden: job.status !== 'running' })
      const open = element(
        'button',
        { type: 'button' },
        element('span', { className: 'name', textContent: nameOf(job) }),
        element('span', { className: 'state', textContent: stateOf(job) }),
        bar,
      )
      open.dataset.id = job.id
      open.setAttribute('aria-current', String(chosen?.id === job.id))
      open.addEventListener('click', () => choose(job))
      return element('li', {}, mark, open)
    }),
  )
  if (focused) document.querySelector(`#jobs button[data-id="${focused}"]`)?.focus()
}

async function refresh() {
  const found = await api.all('/v1/training/jobs')
  const before = JSON.stringify(jobs)
  jobs = found
  // The first answer is shown also when it is empty: the key was right.
  if ($('queue').hidden || JSON.stringify(jobs) !== before) showJobs()
}

async function compare(id, isMarked) {
  if (isMarked) marked.add(id)
  else marked.delete(id)
  if (isMarked && !curves.has(id)) {
    curves.set(id, { train: [], held: [] })
    for (const event of (await api.all(`/v1/training/jobs/${id}/events`)).reverse()) addPoint(id, event)
  }
  draw()
}

// The chosen job ------------------------------------------------------------------------------------------------------

function choose(job) {
  chosen?.abort.abort()
  const own = { id: job.id, kind: job.kind, abort: new AbortController(), validations: [], masks: new Map() }
  chosen = own
  curves.set(job.id, { train: [], held: [] })
  $('events').replaceChildren()
  $('heard').hidden = true
  $('job').hidden = false
  showJob(job)
  showJobs()
  draw()
  const ifStill = (act) => (value) => chosen === own && act(value)
  attempt(() =>
    api.follow(job.id, {
      signal: own.abort.signal,
      event: ifStill((event) => {
        addPoint(job.id, event)
        addEvent(event)
        if (event.data?.event === 'validation') own.stale = true
        drawSoon()
      }),
      change: ifStill((now) => {
        showJob(now)
        if (now.status === 'running' || own.stale || own.validations.length === 0) attempt(() => loadValidations(own))
      }),
    }),
  )
}

function showJob(job) {
  $('job-title').textContent = nameOf(job)
  $('state').textContent = stateOf(job)
  $('eta').textContent = job.estimated_finish ? until(job.estimated_finish) : '–'
  $('updates').textContent = job.trained_steps?.toLocaleString() ?? (job.detail || '–')
  $('held-out').textContent = job.validation_loss?.toFixed(3) ?? '–'
  $('error').hidden = !job.error
  $('error').textContent = job.error?.message ?? ''
  $('cancel').hidden = ENDED.includes(job.status)
  $('resume').hidden = job.status !== 'cancelled' && job.status !== 'failed'
  $('result').hidden = !job.result
}

function addPoint(id, { data }) {
  const curve = curves.get(id)
  if (!data || typeof data.update !== 'number' || typeof data.loss !== 'number') return
  const [list, value] = data.event === 'train' ? [curve.train, data.smoothed ?? data.loss] : [curve.held, data.loss]
  // A run that went back to its checkpoint logs updates again. The later line counts.
  while (list.length > 0 && list.at(-1)[0] >= data.update) list.pop()
  list.push([data.update, value])
}

function addEvent({ created_at, level, message }) {
  const time = element('time', { dateTime: new Date(created_at * 1000).toISOString(), textContent: clock(created_at) })
  $('events').prepend(
    element('li', { className: level === 'info' ? '' : 'bad' }, time, element('span', { textContent: message })),
  )
  while ($('events').childElementCount > EVENTS) $('events').lastElementChild.remove()
}

let isDrawing = false
function drawSoon() {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    draw()
  })
}

function draw() {
  const ids = [...new Set([...(chosen ? [chosen.id] : []), ...marked])].filter((id) => curves.has(id))
  if (ids.length === 0) return
  $('job').hidden = false
  drawLosses(
    $('losses'),
    ids.map((id) => curves.get(id)),
    'bits a step',
  )
  $('legend').replaceChildren(
    ...ids.map((id, i) => {
      const swatch = element('span', { className: 'swatch' })
      swatch.style.setProperty('background', colorOf(i))
      const job = jobs.find((one) => one.id === id)
      return element('span', {}, swatch, ` ${job ? nameOf(job) : id}`)
    }),
    element('span', { textContent: 'line: training, smoothed; dots: held-out' }),
  )
}

// Validations ---------------------------------------------------------------------------------------------------------

async function loadValidations(own) {
  if (own.kind !== 'vocoder' || own.isLoading) return
  own.isLoading = true
  try {
    const { data } = await api.json(`/v1/training/jobs/${own.id}/validations`)
    own.stale = false
    if (chosen !== own || data.length === own.validations.length) return
    const isNewest = own.validations.length === 0 || $('validation').value === own.validations[0].id
    const shown = $('validation').value
    own.validations = data
    $('heard').hidden = data.length === 0
    $('validation').replaceChildren(
      ...data.map(({ id, step_number }) =>
        element('option', { value: id, textContent: `update ${step_number.toLocaleString()}` }),
      ),
    )
    if (!isNewest) $('validation').value = shown
    else await showValidation(own)
  } finally {
    own.isLoading = false
  }
}

async function showValidation(own) {
  const at = own.validations.findIndex(({ id }) => id === $('validation').value)
  const now = own.validations[at]
  if (!now) return
  for (const audio of document.querySelectorAll('#samples audio')) URL.revokeObjectURL(audio.src)
  const player = async (label, path) => {
    const audio = element('audio', { controls: true, preload: 'metadata', ariaLabel: label })
    audio.src = URL.createObjectURL(await api.blob(path))
    return element('div', {}, element('span', { className: 'hint', textContent: label }), audio)
  }
  const rows = await Promise.all(
    now.samples.map(async ({ utterance, sample, recording }) => {
      const pair = element('div', { className: 'pair' })
      pair.append(
        ...(await Promise.all([player(`${utterance}, synthesized`, sample), player('the recording', recording)])),
      )
      return element('li', {}, pair)
    }),
  )
  if (chosen !== own) return
  $('samples').replaceChildren(...rows)
  const masks = async (validation) => {
    if (!validation) return undefined
    if (!own.masks.has(validation.id)) own.masks.set(validation.id, api.json(validation.masks))
    return own.masks.get(validation.id)
  }
  const [shown, before] = await Promise.all([masks(now), masks(own.validations[at + 1])])
  if (chosen !== own) return
  own.shown = shown
  own.before = before
  const matrix = $('matrix').value
  $('matrix').replaceChildren(
    ...shown.matrices.map(({ name }) => element('option', { value: name, textContent: name })),
  )
  if (shown.matrices.some(({ name }) => name === matrix)) $('matrix').value = matrix
  showMask()
}

function showMask() {
  if (!chosen?.shown) return
  const find = (picture) => picture?.matrices.find(({ name }) => name === $('matrix').value)
  const { kept, all, born, gone, known } = drawMask($('mask'), find(chosen.shown), find(chosen.before))
  const moved = known ? ` ${born} are new and ${gone} were given up since the validation before.` : ''
  $('mask-note').textContent =
    `${kept.toLocaleString()} of ${all.toLocaleString()} blocks are kept, ${((100 * kept) / all).toFixed(1)} %.${moved}`
}

// Doors ---------------------------------------------------------------------------------------------------------------

async function enter(key) {
  api = new Api(key)
  say('')
  await refresh()
  sessionStorage.setItem('training-key', key)
  if (!chosen && jobs.length > 0) choose(jobs[0])
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(() => enter($('key').value.trim()))
})
const act = (id, work) => $(id).addEventListener('click', () => attempt(work))
act('cancel', async () => showJob(await api.post(`/v1/training/jobs/${chosen.id}/cancel`)))
act('resume', async () => {
  const job = await api.post(`/v1/training/jobs/${chosen.id}/resume`)
  choose(job)
})
act('result', async () => {
  const link = element('a', {
    href: URL.createObjectURL(await api.blob(`/v1/training/jobs/${chosen.id}/result`)),
    download: `${chosen.id}.tar`,
  })
  link.click()
  URL.revokeObjectURL(link.href)
})
$('validation').addEventListener('change', () => attempt(() => showValidation(chosen)))
$('matrix').addEventListener('change', showMask)
addEventListener('resize', drawSoon)
onTheme(() => {
  drawSoon()
  showMask()
})
setInterval(() => api && !document.hidden && refresh().catch(() => {}), LOOK)
const kept = sessionStorage.getItem('training-key')
if (kept) {
  $('key').value = kept
  attempt(() => enter(kept))
}
