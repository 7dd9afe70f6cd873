/** What a field of a request means, for the documents that describe the interface. A name means the same everywhere. */
export const FIELD_NOTES: Readonly<Record<string, string>> = {
  model: 'All models mean the same here. Names of OpenAI are taken so that their clients work unchanged.',
  input: 'The text to speak. Text that begins with `<speak>` is SSML.',
  voice: 'A name from `/v1/audio/voices`, or one of OpenAI’s names. Default: the server’s default voice.',
  response_format: 'The encoding of the audio. `pcm` is s16le, 24 kHz, mono.',
  speed: 'A factor on the speaking rate.',
  pitch: 'A factor on the voice’s own pitch.',
  seed: 'The same request with the same seed gives the same bytes. Default: random, returned in `X-Seed`.',
  vocoder: 'Default: the voice’s own.',
  input_type: 'Default: `ssml` if the input begins with `<speak>`, else `text`.',
  lexicon: 'Words and their phonemes, `{"word": "phonemes"}`. They go before the dictionary.',
  stream_format: '`audio` sends the bytes as they are, `sse` sends them as server-sent events with base64.',
  instructions: 'Accepted without effect.',
  audio: '`false` leaves the audio out of the answer.',
  early: '`true` speaks a turn’s first clause before its sentence is complete.',
  text: 'The text to speak.',
  flush: '`true` speaks what is there, complete or not.',
}
