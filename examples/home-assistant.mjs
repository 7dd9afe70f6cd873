// Speaks the Wyoming protocol with a sparsewave server, as Home Assistant does, and writes the answer as raw PCM.
// Run:   node home-assistant.mjs "The front door is open." door.pcm localhost:10200
// Needs: sparsewave serve --wyoming-port 10200
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'

const [text = 'The front door is open.', file = 'door.pcm', address = 'localhost:10200'] = process.argv.slice(2)
const [host, port] = address.split(':')
const socket = connect(Number(port), host)
await once(socket, 'connect')

/** An event is a line of JSON, `data_length` bytes of JSON, and `payload_length` bytes of audio. */
async function* events() {
  let bytes = Buffer.alloc(0)
  for await (const piece of socket) {
    bytes = Buffer.concat([bytes, piece])
    for (let line = bytes.indexOf('\n'); line >= 0; line = bytes.indexOf('\n')) {
      const { type, data, data_length = 0, payload_length = 0 } = JSON.parse(bytes.subarray(0, line))
      const body = line + 1 + data_length
      if (bytes.length < body + payload_length) break
      const more = data_length > 0 ? JSON.parse(bytes.subarray(line + 1, body)) : {}
      yield { type, data: { ...data, ...more }, payload: bytes.subarray(body, body + payload_length) }
      bytes = bytes.subarray(body + payload_length)
    }
  }
}

socket.write(`${JSON.stringify({ type: 'synthesize', data: { text } })}\n`)
const audio = []
for await (const { type, data, payload } of events()) {
  if (type === 'error') throw new Error(data.text)
  if (type === 'audio-start') console.log(`${data.rate} Hz, ${8 * data.width} bit, ${data.channels} channel`)
  if (type === 'audio-chunk') audio.push(payload)
  if (type === 'audio-stop') break
}
socket.destroy()
writeFileSync(file, Buffer.concat(audio))
