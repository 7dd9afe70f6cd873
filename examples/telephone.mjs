// Speaks for a telephone line: mu-law at 8 kHz in frames of 20 ms, as JSON lines in the shape of Twilio's media streams.
// Run:   node telephone.mjs "Your call is important to us." > frames.jsonl
// Needs: npm install sparsewave
import { encode, openVoice } from 'sparsewave'

const FRAME_BYTES = 160
const text = process.argv[2] ?? 'Your call is important to us.'
const send = (frame) => console.log(JSON.stringify({ event: 'media', media: { payload: frame.toString('base64') } }))

const voice = await openVoice()
let pending = Buffer.alloc(0)
for await (const bytes of encode(voice.stream(text), { format: 'mulaw', sampleRate: 8000 })) {
  pending = Buffer.concat([pending, bytes])
  for (; pending.length >= FRAME_BYTES; pending = pending.subarray(FRAME_BYTES)) send(pending.subarray(0, FRAME_BYTES))
}
// 0xff is silence in mu-law.
if (pending.length > 0) send(Buffer.concat([pending, Buffer.alloc(FRAME_BYTES - pending.length, 0xff)]))
await voice.close()
