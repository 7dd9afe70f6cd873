// The page: one text at a time, its sound played while it arrives, drawn, and kept for saving.
import { Reading } from './reading.js'
import { getJson, KeyError, speakInBrowser, speakOnServer, whyNotHere } from './speakers.js'
import { Spectrogram } from './spectrogram.js'
import { Wave } from './wave.js'

const RATE = 24000
const $ = (id) => document.getElementById(id)
const reading = new Reading($('reading'))

let audio // AudioContext and player node, made at the first click as browsers demand
let current // the text being spoken

async function openAudio() {
  if (!audio) {
    if (!globalThis.AudioWorkletNode || !window.isSecureContext)
      throw new Error('This page can play sound only over HTTPS or from localhost, in a browser with AudioWorklet.')
    const context = new AudioContext({ sampleRate: RATE })
    await context.audioWorklet.addModule('player-worklet.js')
    const node = new AudioWorkletNode(context, 'player', { numberOfInputs: 0, outputChannelCount: [1] })
    node.connect(context.destination)
    node.port.onmessage = ({ data }) => onPlayer(data)
    audio = { context, node }
  }
  await audio.context.resume()
  return audio
}

async function speak() {
  stop()
  const run = {
    abort: new AbortController(),
    wave: new Wave(RATE),
    spectrogram: new Spectrogram(RATE),
    started: 0,
    first: 0,
    played: 0,
    speaking: true,
  }
  current = run
  $('stop').disabled = false
  $('save').hidden = true
  for (const id of ['first', 'length', 'factor', 'underruns']) $(id).textContent = '–'
  say('Asking…')
  reading.clear($('text').value)
  draw()
  try {
    const { node } = await openAudio()
    if (current !== run) return
    node.port.postMessage({ type: 'reset' })
    run.started = performance.now()
    const speaker = inBrowser() ? speakInBrowser : speakOnServer
    run.seed = await speaker(request(), { key: key(), signal: run.abort.signal, on: hearing(run, node) })
    if (current !== run) return
    const took = (performance.now() - run.started) / 1000
    node.port.postMessage({ type: 'end' })
    $('factor').textContent = (took / (run.wave.length / RATE)).toFixed(3)
    offerWav(run)
  } catch (error) {
    if (current !== run || error.name === 'AbortError') return
    if (error instanceof KeyError) askForKey(error)
    finish(error.message, true)
  }
}

/** What is done with what a speaker tells, while `run` is the one that is spoken. */
function hearing(run, node) {
  const ifCurrent =
    (act) =>
    (...told) =>
      current === run && run.speaking && act(...told)
  return {
    progress: ifCurrent((loaded, total) => {
      $('progress').hidden = false
      $('progress').max = total
      $('progress').value = loaded
      const megabytes = (bytes) => (bytes / 1e6).toFixed(1)
      // Every megabyte once: a screen reader would read each change out.
      if (Math.floor(loaded / 1e6) !== run.told) say(`Fetching the voice, ${megabytes(total)} MB, once…`)
      run.told = Math.floor(loaded / 1e6)
    }),
    /** A voice that was fetched or opened first did not make this text's sound late. */
    ready: ifCurrent(() => {
      $('progress').hidden = true
      run.started = performance.now()
    }),
    sentence: ifCurrent(({ words }) => reading.add(words)),
    samples: ifCurrent((samples) => {
      if (!run.first) {
        run.first = performance.now() - run.started
        $('first').textContent = `${run.first.toFixed(0)} ms`
        say('Speaking…')
      }
      run.wave.add(samples)
      run.spectrogram.add(samples)
      $('length').textContent = `${(run.wave.length / RATE).toFixed(2)} s`
      node.port.postMessage({ type: 'samples', samples }, [samples.buffer])
      draw()
    }),
  }
}

const inBrowser = () => document.querySelector('[name=where]:checked').value === 'browser'

function request() {
  const body = {
    input: $('text').value,
    voice: $('voice').value || undefined,
    speed: Number($('speed').value),
    pitch: Number($('pitch').value),
  }
  if ($('vocoder').value) body.vocoder = $('vocoder').value
  if ($('seed').value !== '') body.seed = Number($('seed').value)
  return body
}

function onPlayer(data) {
  const run = current
  if (!run?.speaking) return
  run.played = data.played
  reading.at(data.played / RATE)
  $('underruns').textContent = String(data.underruns)
  if (data.type === 'finished') {
    run.played = run.wave.length
    finish(run.seed ? `Done. Seed ${run.seed}.` : 'Done.')
  }
  draw()
}

function stop() {
  if (!current?.speaking) return
  current.abort.abort()
  audio?.node.port.postMessage({ type: 'reset' })
  finish('Stopped.')
}

function finish(text, bad = false) {
  if (current) current.speaking = false
  $('stop').disabled = true
  $('progress').hidden = true
  say(text, bad)
}

function say(text, bad = false) {
  $('status').textContent = text
  $('status').classList.toggle('bad', bad)
}

function offerWav(run) {
  const link = $('save')
  if (link.href) URL.revokeObjectURL(link.href)
  link.href = URL.createObjectURL(run.wave.wav())
  link.hidden = false
}

let drawing = false
/** Draws at the next frame, once whatever has changed until then. */
function draw() {
  if (drawing) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    const style = getComputedStyle(document.documentElement)
    const value = (name) => style.getPropertyValue(name)
    const wave = current?.wave ?? new Wave(RATE)
    const columns = Math.max(300, wave.peaks.length)
    wave.draw(sized($('wave')), columns, current?.played ?? 0, [value('--accent'), value('--line')])
    const color = (name) =>
      value(name)
        .match(/\w\w/g)
        .map((hex) => Number.parseInt(hex, 16))
    current?.spectrogram.draw(sized($('spectrogram')), columns, color('--card'), color('--accent'))
  })
}

/** The canvas with as many points as the screen has there. */
function sized(canvas) {
  const ratio = window.devicePixelRatio || 1
  const width = Math.round(canvas.clientWidth * ratio)
  const height = Math.round(canvas.clientHeight * ratio)
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  return canvas
}

// The key stays with this tab: not in the URL, not on disk.
const KEY = 'sparsewave-key'
const key = () => $('key').value.trim()

function askForKey(error) {
  error.message = key()
    ? 'The server does not take this API key.'
    : 'This server asks for an API key: put it into the field “API key”.'
  $('key-note').hidden = false
  $('key').setAttribute('aria-invalid', 'true')
  $('key').focus()
}

async function loadVoices() {
  try {
    const { voices, default: preferred, browser } = await getJson('/v1/audio/voices', key())
    $('voice').replaceChildren(
      ...voices.map(
        ({ name, language }) => new Option(language ? `${name} (${language})` : name, name, false, name === preferred),
      ),
    )
    if ($('key').hasAttribute('aria-invalid')) say('Ready.')
    $('key').removeAttribute('aria-invalid')
    offerBrowser(browser ? await whyNotHere() : 'Not possible here: this server keeps its voices to itself.')
  } catch (error) {
    if (error instanceof KeyError) askForKey(error)
    say(error instanceof TypeError ? 'The server does not answer.' : error.message, true)
  }
}

/** Says what speaking in the browser means, or why it is not possible. */
function offerBrowser(fault) {
  const choice = document.querySelector('[value=browser]')
  choice.disabled = fault !== undefined
  if (fault) document.querySelector('[value=server]').checked = true
  $('where-note').textContent =
    fault ??
    'The voice is fetched once, about 14 MB, and kept in this browser. Texts then stay on this computer, which does the work. The default here is the vocoder source-filter; sparse-wavernn takes more than twice as long.'
  $('where-note').hidden = !fault && !inBrowser()
}

const count = () => {
  $('count').textContent = `${$('text').value.length} of 4096 characters`
}
$('form').addEventListener('submit', (event) => {
  event.preventDefault()
  speak()
})
$('stop').addEventListener('click', stop)
$('text').addEventListener('input', count)
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) $('form').requestSubmit()
})
for (const id of ['speed', 'pitch'])
  $(id).addEventListener('input', () => {
    $(`${id}-value`).textContent = `${Number($(id).value).toFixed(2)}×`
  })
for (const choice of document.querySelectorAll('[name=where]'))
  choice.addEventListener('change', () => {
    $('where-note').hidden = !inBrowser()
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
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
count()
draw()
loadVoices()
