// The page: one text at a time, heard while it arrives, drawn, kept for playing again and for saving.
import { openAudio, Player } from './player.js'
import { Plots } from './plots.js'
import { Reading } from './reading.js'
import { browserSnippet, snippets } from './snippets.js'
import {
  at,
  getJson,
  KeyError,
  sizeInBrowser,
  speakInBrowser,
  speakOnServer,
  speechFile,
  whyNotHere,
} from './speakers.js'
import { Spectrogram } from './spectrogram.js'
import { noteOf, Voices } from './voices.js'
import { Peaks, pcm, wav } from './wave.js'

const RATE = 24000
const MAX_INPUT = 4096
const $ = (id) => document.getElementById(id)

let current // the last text that was to be spoken
let formats = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'] // what the server can encode

const player = new Player(RATE, { changed: draw, finished: heardAll })
const sampler = new Player(RATE, { finished: () => sampled?.() })
let sampled // ends the sample that is played
const reading = new Reading($('reading'), seek)
const plots = new Plots($('wave'), $('spectrogram'), RATE, seek)
const voices = new Voices($('voices'), { changed: showVoice, sample })

// Speaking ------------------------------------------------------------------------------------------------------------

async function speak() {
  stop()
  sampled?.()
  const { length } = $('text').value
  if (length > MAX_INPUT)
    return say(`One request takes ${MAX_INPUT} characters, and this text has ${length - MAX_INPUT} more.`, true)
  const run = {
    abort: new AbortController(),
    body: { ...wanted(), seed: seed() ?? crypto.getRandomValues(new Uint32Array(1))[0] },
    inBrowser: inBrowser(),
    peaks: new Peaks(RATE),
    spectrogram: new Spectrogram(RATE),
    started: 0,
    first: 0,
    speaking: true,
  }
  current = run
  $('stop').disabled = false
  for (const id of ['first', 'length', 'factor', 'underruns']) $(id).textContent = '–'
  say('Asking…')
  player.clear()
  plots.clear()
  reading.clear(run.body.input)
  try {
    run.silent = !(await openAudio(RATE))
    if (current !== run) return
    $('player').hidden = false
    $('plots').hidden = false
    offerFormats()
    showCode()
    draw()
    run.started = performance.now()
    const speaker = run.inBrowser ? speakInBrowser : speakOnServer
    await speaker(run.body, { key: key(), signal: run.abort.signal, on: hearing(run) })
    if (current !== run) return
    const took = (performance.now() - run.started) / 1000
    $('factor').textContent = (took / (player.length / RATE)).toFixed(3)
    run.complete = true
    player.end()
  } catch (error) {
    if (current !== run || error.name === 'AbortError') return
    player.end()
    if (error instanceof KeyError) askForKey(error)
    finish(error.message, true)
  }
}

/** What is done with what a speaker reports, while `run` is the one that is spoken. */
function hearing(run) {
  const ifCurrent =
    (act) =>
    (...reported) =>
      current === run && run.speaking && act(...reported)
  return {
    progress: ifCurrent((loaded, total) => {
      $('fetching').hidden = false
      $('progress').max = total
      $('progress').value = loaded
      $('fetched').textContent =
        loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} MB fetched` : 'All fetched. Opening the voice…'
      // Once: a screen reader would read each change out.
      if (!run.fetching) say('Fetching the voice. It is kept for the next time.')
      run.fetching = true
    }),
    /** A voice that was fetched or opened first did not make this text's audio late. */
    ready: ifCurrent(() => {
      $('fetching').hidden = true
      run.started = performance.now()
      if (run.fetching) describeBrowser()
    }),
    sentence: ifCurrent(({ words }) => reading.add(words)),
    samples: ifCurrent((samples) => {
      if (!run.first) {
        run.first = performance.now() - run.started
        $('first').textContent = `${run.first.toFixed(0)} ms`
        say(run.silent ? 'Speaking, but this browser finds nothing to play sound on.' : 'Speaking…')
        player.play()
      }
      run.peaks.add(samples)
      run.spectrogram.add(samples)
      player.add(samples)
      $('length').textContent = `${(player.length / RATE).toFixed(2)} s`
      draw()
    }),
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1)
const inBrowser = () => document.querySelector('[name=where]:checked').value === 'browser'
const seed = () => ($('seed').value === '' ? undefined : Number($('seed').value))

/** The request that the page shows now, without a seed that nobody has chosen. */
function wanted() {
  const body = { input: $('text').value }
  if (voices.chosen) body.voice = voices.chosen.name
  for (const name of ['speed', 'pitch']) if ($(name).value !== '1') body[name] = Number($(name).value)
  if ($('vocoder').value) body.vocoder = $('vocoder').value
  if (seed() !== undefined) body.seed = seed()
  return body
}

function heardAll() {
  if (current?.speaking && current.complete) finish(`Done. Seed ${current.body.seed}.`)
  draw()
}

function stop() {
  if (!current?.speaking) return
  current.abort.abort()
  player.pause()
  player.end()
  finish('Stopped.')
}

function finish(text, bad = false) {
  if (current) current.speaking = false
  $('stop').disabled = true
  $('fetching').hidden = true
  say(text, bad)
}

function say(text, bad = false) {
  $('status').textContent = text
  $('status').classList.toggle('bad', bad)
}

// Player --------------------------------------------------------------------------------------------------------------

const ICONS = { play: 'M3 1.5v13l11-6.5z', pause: 'M3 2h3.5v12H3zM9.5 2H13v12H9.5z' }
const icon = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`

async function togglePlay() {
  sampled?.()
  await openAudio(RATE)
  if (player.playing) player.pause()
  else player.play()
  if (current?.speaking && current.first) say(player.playing ? 'Speaking…' : 'Paused.')
}

function seek(seconds) {
  player.seek(seconds)
  draw()
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

let drawing = false
/** Draws at the next frame, once whatever has changed until then. */
function draw() {
  if (drawing) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    if (!current || $('player').hidden) return
    const { position } = player
    const length = player.length / RATE
    const state = player.playing ? 'pause' : 'play'
    if ($('play').dataset.state !== state) {
      $('play').dataset.state = state
      $('play').innerHTML = icon(ICONS[state])
      $('play').setAttribute('aria-label', state === 'play' ? 'Play' : 'Pause')
    }
    $('seek').max = length.toFixed(1)
    $('seek').step = Math.max(0.1, length / 100).toFixed(1)
    $('seek').value = position
    $('seek').setAttribute('aria-valuetext', `${position.toFixed(1)} of ${length.toFixed(1)} seconds`)
    $('time').textContent = `${clock(position)} / ${clock(length)}${player.ended ? '' : '…'}`
    $('underruns').textContent = String(player.underruns)
    if (current.first) reading.at(position)
    plots.draw(current.peaks.values, current.spectrogram.columns, length, position)
  })
}

/** Formats that the audio can be saved in: all the server's, or what this page can write of what it synthesized. */
function offerFormats() {
  const own = current?.inBrowser ? ['wav', 'pcm'] : formats
  const chosen = $('format').value
  $('format').replaceChildren(...own.map((name) => new Option(name, name, false, name === chosen)))
}

/** WAV and PCM are what was heard. Other formats are the same request with the same seed, encoded by the server. */
async function save() {
  const format = $('format').value
  const run = current
  $('save').disabled = true
  try {
    const heard = player.samples.subarray(0, player.length)
    if (format === 'wav' && player.ended) offer(wav(heard, RATE), format)
    else if (format === 'pcm' && player.ended) offer(pcm(heard), format)
    else offer(await speechFile({ ...run.body, response_format: format }, key()), format)
  } catch (error) {
    if (error instanceof KeyError) askForKey(error)
    say(error.message, true)
  }
  $('save').disabled = false
}

function offer(blob, format) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `speech.${format}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

// Voices --------------------------------------------------------------------------------------------------------------

const samples = new Map()

/** Plays a voice's sample to its end, or until something else is played. */
async function sample({ name }, text) {
  sampled?.()
  player.pause()
  try {
    await openAudio(RATE)
    const body = { input: text, voice: name, seed: 1, response_format: 'pcm' }
    if (!samples.has(name)) samples.set(name, await (await speechFile(body, key())).arrayBuffer())
    sampler.clear()
    sampler.add(Float32Array.from(new Int16Array(samples.get(name)), (v) => v / 32767))
    sampler.end()
    sampler.play()
  } catch (error) {
    if (error instanceof KeyError) askForKey(error)
    return say(error.message, true)
  }
  await new Promise((resolve) => {
    sampled = () => {
      sampler.pause()
      sampled = undefined
      resolve()
    }
  })
}

function showVoice(voice) {
  $('voice-note').textContent = noteOf(voice)
  describeBrowser()
  showCode()
}

async function loadVoices() {
  try {
    const list = await getJson('v1/audio/voices', key())
    if (list.formats) formats = list.formats
    browserFault = list.browser ? await whyNotHere() : 'Not possible here: this server keeps its voices to itself.'
    voices.show(list.voices, list.default)
    if ($('key').hasAttribute('aria-invalid')) say('Ready.')
    $('key').removeAttribute('aria-invalid')
    offerFormats()
  } catch (error) {
    if (error instanceof KeyError) askForKey(error)
    say(error instanceof TypeError ? 'The server does not answer. Is it running?' : error.message, true)
  }
}

let browserFault // why this browser cannot speak by itself
/** Says what speaking in the browser costs, or why it is not possible. */
async function describeBrowser() {
  const choice = document.querySelector('[value=browser]')
  choice.disabled = browserFault !== undefined
  if (browserFault) document.querySelector('[value=server]').checked = true
  $('where-note').hidden = !browserFault && !inBrowser()
  $('where-note').textContent = browserFault ?? 'The text stays on this computer, which does the work.'
  if (browserFault || !inBrowser() || !voices.chosen) return
  const { bytes, missing } = await sizeInBrowser(voices.chosen.name, key()).catch(() => ({}))
  if (bytes === undefined || !inBrowser()) return
  const kept =
    missing === 0
      ? 'This browser has the voice already.'
      : `The first time fetches ${megabytes(missing)} MB and keeps them.`
  $('where-note').textContent +=
    ` ${kept} The default vocoder here is source-filter. The net, sparse-wavernn, takes more than twice as long.`
}

// Code ----------------------------------------------------------------------------------------------------------------

let language = 'curl'

/** The request as a program. After it was spoken, with its seed: the program gives the same audio. */
function showCode() {
  const shown = wanted()
  const { seed: drawn, ...last } = current?.body ?? {}
  const body = JSON.stringify(last) === JSON.stringify(shown) ? { ...last, seed: drawn } : shown
  const format = inBrowser() ? 'mp3' : $('format').value || 'mp3'
  const { input, voice, ...rest } = body
  const ordered = { input, ...(voice && { voice }), response_format: format, ...rest }
  const base = at('')
  const here = inBrowser() && language === 'javascript'
  $('code').textContent = here
    ? browserSnippet(ordered, { base, keyed: key() !== '' })
    : snippets(ordered, { base, file: `speech.${format}`, keyed: key() !== '' })[language]
  $('code-note').textContent = here
    ? 'For a page of your own. The voice is synthesized by the reader’s browser.'
    : key() !== ''
      ? 'The key is taken from the variable SPARSEWAVE_API_KEY.'
      : ''
}

function choose(tab) {
  for (const other of $('tabs').children) {
    const chosen = other === tab
    other.setAttribute('aria-selected', String(chosen))
    other.tabIndex = chosen ? 0 : -1
  }
  language = tab.id.replace('tab-', '')
  $('code').setAttribute('aria-labelledby', tab.id)
  showCode()
}

/** Pages of plain HTTP have no clipboard: there the text is selected and copied the old way. */
async function copy() {
  try {
    await navigator.clipboard.writeText($('code').textContent)
  } catch {
    getSelection().selectAllChildren($('code'))
    document.execCommand('copy')
  }
  $('copy').textContent = 'Copied'
  setTimeout(() => {
    $('copy').textContent = 'Copy'
  }, 2000)
}

// Key -----------------------------------------------------------------------------------------------------------------

// It stays with this tab: not in the URL, not on disk.
const KEY = 'sparsewave-key'
const key = () => $('key').value.trim()

function askForKey(error) {
  error.message = key()
    ? 'The server does not take this API key.'
    : 'This server asks for an API key: put it into the field “API key”.'
  $('advanced').open = true
  $('key').setAttribute('aria-invalid', 'true')
  $('key').focus()
}

// Controls ------------------------------------------------------------------------------------------------------------

function count() {
  const { length } = $('text').value
  $('count').textContent = `${length} of ${MAX_INPUT} characters`
  $('count').classList.toggle('bad', length > MAX_INPUT)
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault()
  speak()
})
$('stop').addEventListener('click', stop)
$('text').addEventListener('input', () => {
  count()
  showCode()
})
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) $('form').requestSubmit()
})
for (const id of ['speed', 'pitch'])
  $(id).addEventListener('input', () => {
    const factor = `${Number($(id).value).toFixed(2)}×`
    $(`${id}-value`).textContent = factor
    $(id).setAttribute('aria-valuetext', factor)
    showCode()
  })
for (const id of ['vocoder', 'seed', 'format']) $(id).addEventListener('change', showCode)
for (const choice of document.querySelectorAll('[name=where]'))
  choice.addEventListener('change', () => {
    describeBrowser()
    showCode()
  })
$('play').addEventListener('click', togglePlay)
$('replay').addEventListener('click', async () => {
  sampled?.()
  await openAudio(RATE)
  player.seek(0)
  player.play()
})
$('seek').addEventListener('input', () => seek(Number($('seek').value)))
$('rate').addEventListener('change', () => player.setSpeed(Number($('rate').value)))
$('save').addEventListener('click', save)
$('copy').addEventListener('click', copy)
$('tabs').addEventListener('click', ({ target }) => {
  if (target.role === 'tab' || target.getAttribute('role') === 'tab') choose(target)
})
$('tabs').addEventListener('keydown', ({ key: pressed }) => {
  const all = [...$('tabs').children]
  const step = { ArrowRight: 1, ArrowLeft: -1 }[pressed]
  if (!step) return
  const next = all[(all.findIndex((tab) => tab.tabIndex === 0) + step + all.length) % all.length]
  choose(next)
  next.focus()
})
$('key').value = sessionStorage.getItem(KEY) ?? ''
$('key').addEventListener('change', () => {
  if (key() === (sessionStorage.getItem(KEY) ?? '')) return
  sessionStorage.setItem(KEY, key())
  loadVoices()
})
window.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') stop()
})
window.addEventListener('resize', draw)
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  plots.repaint()
  draw()
})
count()
showCode()
loadVoices()
