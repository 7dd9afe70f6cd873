// Asks a language model and speaks its answer while it is being written, sentence by sentence.
// Run:   OPENAI_API_KEY=... node language-model.mjs "Why is the sky blue?" answer.wav
// Needs: npm install sparsewave, and any server with OpenAI's chat API (OPENAI_BASE_URL names another).
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { encode, openVoice } from 'sparsewave'

const { OPENAI_BASE_URL = 'https://api.openai.com/v1', OPENAI_API_KEY = '', MODEL = 'gpt-4o-mini' } = process.env
const [question = 'Why is the sky blue?', file = 'answer.wav'] = process.argv.slice(2)

/** The tokens of the answer, as server-sent events bring them. */
async function* tokens(content) {
  const response = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${OPENAI_API_KEY}` },
    body: JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content }] }),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  let buffer = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (buffer + piece).split('\n')
    buffer = lines.pop()
    for (const line of lines) {
      if (!line.startsWith('data: ') || line.includes('[DONE]')) continue
      const token = JSON.parse(line.slice('data: '.length)).choices[0]?.delta?.content
      if (token) yield token
    }
  }
}

const voice = await openVoice()
await pipeline(encode(voice.stream(tokens(question))), createWriteStream(file))
await voice.close()
