/** Deepgram's own client and the second version of its WebSocket. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEEPGRAM_AUDIO, deepgramClient, listen } from '../../../test/support/deepgram.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['dg-key'] } })
})
afterAll(() => server.stop())

async function connect(query: Record<string, string> = {}) {
  const socket = await deepgramClient(server, 'dg-key').speak.v2.connect({
    Authorization: 'Token dg-key',
    model: 'flux-alexis-en',
    ...DEEPGRAM_AUDIO,
    ...query,
  } as never)
  return { socket, ...(await listen(socket)) }
}

const samplesOf = async (text: string, speed = 1): Promise<number> => {
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream(text, { seed: 1, speed })) samples += chunk.samples.length
  return samples
}

test('turns are spoken one after the other, each with its start, its sum and its end', async () => {
  const { socket, events, heard, of } = await connect()
  socket.sendSpeak({ type: 'Speak', text: 'Hello from ' })
  socket.sendSpeak({ type: 'Speak', text: 'the first turn.' })
  socket.sendFlush({ type: 'Flush' })
  socket.sendSpeak({ type: 'Speak', text: 'And a second.' })
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
  expect(events.map(({ type }) => type)).toEqual([
    'Connected',
    'SpeechStarted',
    'SpeechMetadata',
    'Flushed',
    'SpeechStarted',
    'SpeechMetadata',
    'Flushed',
    'SessionMetadata',
  ])
  expect(of('Connected')).toMatchObject([{ model_name: 'flux-alexis-en', model_uuids: [expect.any(String)] }])
  const [first, second] = of('SpeechStarted')
  expect(first!.speech_id).toMatch(/^dg_sp_[0-9a-f]{12}$/)
  expect(second!.speech_id).not.toBe(first!.speech_id)
  const samples = [await samplesOf('Hello from the first turn.'), await samplesOf('And a second.')]
  expect(of('SpeechMetadata')).toMatchObject(
    [first, second].map((turn, i) => ({
      speech_id: turn!.speech_id,
      audio_duration_ms: Math.round(samples[i]! / 24),
      input_character_count: [26, 13][i],
    })),
  )
  expect(heard.bytes).toBe(2 * (samples[0]! + samples[1]!))
  expect(of('SessionMetadata')).toMatchObject([
    {
      total_input_character_count: 39,
      total_audio_duration_ms: Math.round(samples[0]! / 24) + Math.round(samples[1]! / 24),
    },
  ])
})

test('Interrupt ends the turn, says what had been heard, and nothing of it follows', async () => {
  const { socket, heard, of } = await connect({ speed: '0.5' })
  const text = 'A long sentence that goes on and on. '.repeat(40)
  socket.sendSpeak({ type: 'Speak', text })
  socket.sendFlush({ type: 'Flush' })
  await until(() => heard.bytes > 2 * 24000 * 2)
  socket.sendInterrupt({ type: 'Interrupt', playback_offset: { type: 'time_ms', value: 1500 } })
  await until(() => of('SpeechInterrupted').length === 1)
  const before = heard.bytes
  const [interrupted] = of('SpeechInterrupted')
  expect(interrupted).toMatchObject({ audio_played_ms: 1500, metadata: { input_character_count: text.length } })
  const spoken = interrupted!.text_spoken as string
  expect(spoken + (interrupted!.text_remaining as string)).toBe(text)
  expect(spoken).toMatch(/^A long/)
  expect(spoken.length).toBeLessThan(37)
  socket.sendInterrupt({ type: 'Interrupt' })
  await until(() => of('Warning').length === 1)
  expect(of('Warning')).toMatchObject([{ code: 'NO_ACTIVE_SPEECH' }])
  expect(heard.bytes).toBe(before)
  socket.sendSpeak({ type: 'Speak', text: 'Yes?' })
  socket.sendFlush({ type: 'Flush' })
  await until(() => of('Flushed').length === 1)
  expect(heard.bytes).toBeGreaterThan(before)
  socket.close()
})

test('Configure holds for the next turn', async () => {
  const { socket, heard, of } = await connect()
  socket.sendConfigure({ type: 'Configure', speed: 3 })
  socket.sendConfigure({ type: 'Configure', speed: 0.5 })
  socket.sendSpeak({ type: 'Speak', text: 'Slowly now.' })
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
  expect(of('ConfigureFailure')).toMatchObject([{ code: 'SPEED_OUT_OF_RANGE', field: 'speed', value: 3 }])
  expect(of('ConfigureSuccess')).toMatchObject([{ applied: { speed: 0.5 } }])
  expect(heard.bytes).toBe(2 * (await samplesOf('Slowly now.', 0.5)))
})

test('a turn without a word, a flush of nothing and a wrong message are Warnings', async () => {
  const { socket, heard, of } = await connect()
  socket.sendFlush({ type: 'Flush' })
  socket.sendSpeak({ type: 'Speak', text: ' ... ' })
  socket.sendFlush({ type: 'Flush' })
  await until(() => of('Flushed').length === 1)
  socket.sendSpeak({ type: 'Speak', text: 'x'.repeat(2001) })
  await until(() => of('Warning').length === 3)
  expect(of('Warning').map(({ code }) => code)).toEqual([
    'NO_ACTIVE_SPEECH',
    'NO_SYNTHESIZABLE_TEXT',
    'REQUEST_INVALID',
  ])
  expect(of('SpeechMetadata')).toMatchObject([{ audio_duration_ms: 0 }])
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
})
