// Speaks inside the page, with no server at work. index.html loads this, a bundler puts it together with its imports.
// Run:   npm install && npm start, then open the address that it prints.
// Needs: npm. `npm start` copies the engine and the voice to public/, where the page fetches them.
import { openVoice } from 'sparsewave/browser'

const $ = (id) => document.getElementById(id)
const audio = new AudioContext()
let voice

$('speak').onclick = async () => {
  await audio.resume()
  $('speak').disabled = true
  try {
    voice ??= await openVoice('./voices/heart/', {
      assets: './sparsewave/',
      onProgress: (loaded, total) => say(`Loading the voice: ${Math.round((100 * loaded) / total)} %`),
    })
    await play(voice.stream($('text').value))
  } catch (error) {
    say(error.message)
  }
  $('speak').disabled = false
}

/** Plays chunks one after another as they come. */
async function play(chunks) {
  let at = 0
  let seconds = 0
  for await (const { samples, sentence } of chunks) {
    if (sentence) say(sentence.text)
    if (samples.length === 0) continue
    const buffer = audio.createBuffer(1, samples.length, voice.sampleRate)
    buffer.copyToChannel(samples, 0)
    const source = audio.createBufferSource()
    source.buffer = buffer
    source.connect(audio.destination)
    at = Math.max(at, audio.currentTime + 0.02)
    source.start(at)
    at += buffer.duration
    seconds += buffer.duration
  }
  say(`${seconds.toFixed(1)} s of speech`)
}

function say(text) {
  $('status').textContent = text
}
