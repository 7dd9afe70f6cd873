// Where speech comes from: the server, or a worker in this browser. Both take a request and call back with sentences
// ({words} and their times), samples (Float32Array at 24 kHz), `ready` and `progress`; both resolve with the seed.

/** The server or the worker asks for an API key, or did not take the one given. */
export class KeyError extends Error {}

const authorization = (key) => (key ? { Authorization: `Bearer ${key}` } : {})

/** An address of the server, which may lie below a path. */
export const at = (path) => new URL(path, document.baseURI).href

/** The answer as JSON. Throws KeyError, Error with the server's words. */
export async function getJson(path, key) {
  const response = await fetch(at(path), { headers: authorization(key) })
  if (!response.ok) throw await errorOf(response)
  return response.json()
}

const post = (path, body, { key, signal }) =>
  fetch(at(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...authorization(key) },
    body: JSON.stringify({ model: 'sparsewave', ...body }),
    signal,
  })

/** A request's audio as a file in its `response_format`. Throws as getJson does. */
export async function speechFile(request, key) {
  const response = await post('v1/audio/speech', request, { key })
  if (!response.ok) throw await errorOf(response)
  return response.blob()
}

export async function speakOnServer(request, { key, signal, on }) {
  const response = await post('v1/audio/speech/timestamps', { response_format: 'pcm', ...request }, { key, signal })
  if (!response.ok) throw await errorOf(response)
  for await (const message of lines(response.body.getReader())) {
    if (message.type === 'error') throw new Error(message.error.message)
    if (message.type === 'sentence') on.sentence(message)
    if (message.type !== 'audio' || message.audio === '') continue
    const bytes = Uint8Array.from(atob(message.audio), (c) => c.charCodeAt(0))
    on.samples(fromPcm(new Int16Array(bytes.buffer)))
  }
  return response.headers.get('X-Seed')
}

let worker // made when it is first asked for; it keeps its voices
let asked = 0

const folderOf = (voice) => at(`v1/audio/voices/${encodeURIComponent(voice)}/`)

/** Sends a message to the worker and returns its number. */
function ask(message) {
  worker ??= new Worker(at('browser/worker.js'), { type: 'module' })
  worker.postMessage({ ...message, id: ++asked })
  return asked
}

/** Bytes of a voice and of what speaks it, {bytes, missing}: all of them, and those that this browser does not keep. */
export function sizeInBrowser(voice, key) {
  const id = ask({ type: 'size', voice: folderOf(voice), key })
  const own = worker
  return new Promise((resolve, reject) => {
    own.addEventListener('message', function hear({ data }) {
      if (data.id !== id) return
      own.removeEventListener('message', hear)
      if (data.type === 'size') resolve(data)
      else reject(new Error(data.message))
    })
    own.addEventListener('error', reject)
  })
}

export function speakInBrowser(request, { key, signal, on }) {
  const { voice, ...rest } = request
  const id = ask({ ...rest, type: 'speak', voice: folderOf(voice), key })
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      worker?.postMessage({ type: 'stop' })
      reject(signal.reason)
    })
    worker.onmessage = ({ data }) => {
      if (data.id !== id) return
      if (data.type === 'progress') on.progress(data.loaded, data.total)
      else if (data.type === 'ready') on.ready()
      else if (data.type === 'sentence') on.sentence(data)
      else if (data.type === 'audio') on.samples(fromPcm(data.pcm))
      else if (data.type === 'done') resolve(data.seed)
      else reject(new (data.code === 'INVALID_API_KEY' ? KeyError : Error)(`${data.message} ${data.remedy}`))
    }
    worker.onerror = (event) => {
      worker.terminate()
      worker = undefined
      reject(new Error(event.message || 'The part that speaks in this browser cannot be loaded from the server.'))
    }
  })
}

/** Why this browser cannot speak by itself; undefined when it can. */
export async function whyNotHere() {
  if (!window.isSecureContext) return 'Not possible here: browsers allow it only over HTTPS or from localhost.'
  if (typeof WebAssembly === 'undefined' || typeof DecompressionStream === 'undefined')
    return 'Not possible here: this browser lacks WebAssembly or DecompressionStream.'
  // A function of one vector instruction, i8x16.splat: engines without SIMD refuse it.
  const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11]
  if (!WebAssembly.validate(Uint8Array.from(simd))) return 'Not possible here: this browser lacks WebAssembly SIMD.'
  const answer = await fetch(at('browser/assets.json'))
  return answer.ok ? undefined : 'Not possible here: the server was built without its part for browsers.'
}

const fromPcm = (pcm) => Float32Array.from(pcm, (v) => v / 32767)

/** Lines of JSON as they come. */
async function* lines(reader) {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += decoder.decode(value, { stream: true })
    const whole = text.split('\n')
    text = whole.pop()
    for (const line of whole) yield JSON.parse(line)
  }
}

async function errorOf(response) {
  let message = `The server answered ${response.status}.`
  try {
    message = (await response.json()).error.message
  } catch {}
  return new (response.status === 401 ? KeyError : Error)(message)
}
