// The page: one request at a time, its pcm played while it arrives, drawn, and kept for saving.
const RATE = 24000
const $ = (id) => document.getElementById(id)
const canvas = $('wave')

let audio // AudioContext and player node, made at the first click as browsers demand
let current // the request being spoken

async function openAudio() {
  if (!audio) {
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
  const run = { abort: new AbortController(), wave: new Wave(), started: 0, first: 0, played: 0, speaking: true }
  current = run
  $('stop').disabled = false
  $('save').hidden = true
  for (const id of ['first', 'length', 'factor', 'underruns']) $(id).textContent = '–'
  say('Asking…')
  draw()
  try {
    const { node } = await openAudio()
    if (current !== run) return
    node.port.postMessage({ type: 'reset' })
    run.started = performance.now()
    const response = await fetch('/v1/audio/speech', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(request()),
      signal: run.abort.signal,
    })
    if (!response.ok) throw new Error(await errorOf(response))
    run.seed = response.headers.get('X-Seed')
    await receive(run, response.body.getReader(), node)
    const took = (performance.now() - run.started) / 1000
    node.port.postMessage({ type: 'end' })
    $('factor').textContent = (took / (run.wave.length / RATE)).toFixed(3)
    offerWav(run)
  } catch (error) {
    if (current !== run || error.name === 'AbortError') return
    finish(error.message, true)
  }
}

async function receive(run, reader, node) {
  let odd = new Uint8Array(0)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const bytes = new Uint8Array(odd.length + value.length)
    bytes.set(odd)
    bytes.set(value, odd.length)
    const even = bytes.length & ~1
    odd = bytes.slice(even)
    if (even === 0) continue
    const view = new DataView(bytes.buffer, 0, even)
    const samples = Float32Array.from({ length: even / 2 }, (_, i) => view.getInt16(2 * i, true) / 32767)
    if (!run.first) {
      run.first = performance.now() - run.started
      $('first').textContent = `${run.first.toFixed(0)} ms`
      say('Speaking…')
    }
    run.wave.add(samples)
    $('length').textContent = `${(run.wave.length / RATE).toFixed(2)} s`
    node.port.postMessage({ type: 'samples', samples }, [samples.buffer])
    draw()
  }
}

function request() {
  const body = {
    model: 'sparsewave',
    input: $('text').value,
    voice: $('voice').value || undefined,
    response_format: 'pcm',
    speed: Number($('speed').value),
  }
  if ($('vocoder').value) body.vocoder = $('vocoder').value
  if ($('seed').value !== '') body.seed = Number($('seed').value)
  return body
}

async function errorOf(response) {
  try {
    return (await response.json()).error.message
  } catch {
    return `The server answered ${response.status}.`
  }
}

function onPlayer(data) {
  const run = current
  if (!run?.speaking) return
  run.played = data.played
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
  say(text, bad)
}

function say(text, bad = false) {
  $('status').textContent = text
  $('status').classList.toggle('bad', bad)
}

/** The waveform: peaks of 10 ms pieces for drawing, all samples for saving. */
class Wave {
  constructor() {
    this.parts = []
    this.peaks = []
    this.length = 0
    this.peak = 0
    this.filled = 0
  }

  add(samples) {
    this.parts.push(samples.slice())
    this.length += samples.length
    for (const v of samples) {
      this.peak = Math.max(this.peak, Math.abs(v))
      if (++this.filled === RATE / 100) {
        this.peaks.push(this.peak)
        this.peak = 0
        this.filled = 0
      }
    }
  }

  wav() {
    const view = new DataView(new ArrayBuffer(44 + 2 * this.length))
    const tag = (at, text) => {
      for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i))
    }
    tag(0, 'RIFF')
    view.setUint32(4, 36 + 2 * this.length, true)
    tag(8, 'WAVEfmt ')
    view.setUint32(16, 16, true)
    view.setUint16(20, 1, true)
    view.setUint16(22, 1, true)
    view.setUint32(24, RATE, true)
    view.setUint32(28, 2 * RATE, true)
    view.setUint16(32, 2, true)
    view.setUint16(34, 16, true)
    tag(36, 'data')
    view.setUint32(40, 2 * this.length, true)
    let at = 44
    for (const part of this.parts) {
      for (const v of part) {
        view.setInt16(at, Math.round(v * 32767), true)
        at += 2
      }
    }
    return new Blob([view], { type: 'audio/wav' })
  }
}

function offerWav(run) {
  if (current !== run) return
  const link = $('save')
  if (link.href) URL.revokeObjectURL(link.href)
  link.href = URL.createObjectURL(run.wave.wav())
  link.hidden = false
}

function draw() {
  const ratio = window.devicePixelRatio || 1
  const width = Math.round(canvas.clientWidth * ratio)
  const height = Math.round(canvas.clientHeight * ratio)
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const style = getComputedStyle(document.documentElement)
  const ink = canvas.getContext('2d')
  ink.clearRect(0, 0, width, height)
  const peaks = current?.wave.peaks ?? []
  const shown = Math.max(300, peaks.length)
  const heard = (current?.played ?? 0) / (RATE / 100)
  const bar = width / shown
  for (let i = 0; i < peaks.length; i++) {
    ink.fillStyle = style.getPropertyValue(i < heard ? '--accent' : '--line')
    const h = Math.max(ratio, peaks[i] * height * 0.95)
    ink.fillRect(i * bar, (height - h) / 2, Math.max(bar * 0.8, 0.5), h)
  }
}

async function loadVoices() {
  const { voices, default: preferred } = await (await fetch('/v1/audio/voices')).json()
  $('voice').replaceChildren(
    ...voices.map(
      ({ name, language }) => new Option(language ? `${name} (${language})` : name, name, false, name === preferred),
    ),
  )
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
$('speed').addEventListener('input', () => {
  $('speed-value').textContent = `${Number($('speed').value).toFixed(1)}×`
})
window.addEventListener('resize', draw)
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
count()
draw()
loadVoices().catch(() => say('The server does not answer.', true))
