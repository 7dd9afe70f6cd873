/**
 * GET /asyncapi.json: the WebSocket protocols as AsyncAPI 3.0. The server is the application that is described: it receives
 * what clients send. Tests hold the server to the messages, and the messages to the server.
 */
import { z } from 'zod'
import { packageVersion } from '../src/version.ts'
import { sentenceSchema } from './openapi.ts'
import {
  lexiconSchema,
  MAX_INPUT,
  pitchSchema,
  seedSchema,
  speedSchema,
  vocoderSchema,
} from './routes/speech-request.ts'

interface Message {
  readonly summary: string
  /** Absent = binary audio. */
  readonly payload?: z.ZodType
  readonly example?: object
}

/** A protocol. `route` is that of its dialect. */
export interface Protocol {
  readonly title: string
  readonly summary: string
  /** The path, with its parameters in braces. */
  readonly address: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly query?: z.ZodObject
  readonly received: Readonly<Record<string, Message>>
  readonly sent: Readonly<Record<string, Message>>
}

const voice = z.string()
const text = z.string().max(MAX_INPUT)
const base64 = z.base64()
const type = <T extends string>(name: T) => z.literal(name)
const audio: Message = { summary: 'Audio, a binary message.' }

const alignment = z
  .object({
    chars: z.array(z.string()),
    charStartTimesMs: z.array(z.number()),
    charsDurationsMs: z.array(z.number()),
    charDurationsMs: z.array(z.number()),
  })
  .nullable()

const context = { contextId: z.string(), context_id: z.string() }
const anyContext = { contextId: z.string().optional(), context_id: z.string().optional() }

const speech_id = z.string()
/** Of a turn of Deepgram's second protocol. */
const turn = {
  speech_id,
  audio_duration_ms: z.int(),
  input_character_count: z.int(),
  billable_character_count: z.int(),
  controls_applied: z.looseObject({}),
}

/** Of both protocols of Deepgram. */
const deepgramText = z.object({ type: type('Speak'), text: z.string().max(2000) })
const deepgramOutput = {
  encoding: z.enum(['linear16', 'mulaw', 'alaw']).default('linear16'),
  sample_rate: z.int().optional().describe('Default: 24000 for linear16, 8000 for the others.'),
}

const sequence = { sequence_id: z.int() }

/** The protocols by the route of their dialect. */
export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  '/v1/audio/stream': {
    title: 'sparsewave',
    summary: 'Text in pieces to audio with word times. The protocol to choose for a client of your own.',
    address: '/v1/audio/stream',
    received: {
      start: {
        summary: 'Opens a stream. Optional: the first text opens one with the defaults.',
        payload: z.object({
          type: type('start'),
          voice: voice.optional(),
          vocoder: vocoderSchema.optional(),
          seed: seedSchema.optional(),
          speed: speedSchema.optional(),
          pitch: pitchSchema.optional(),
          lexicon: lexiconSchema.optional(),
          early: z.boolean().optional(),
        }),
        example: { type: 'start', speed: 1.1, early: true },
      },
      text: {
        summary: 'Adds text. A sentence is spoken once it is complete.',
        payload: z.object({ type: type('text'), text }),
        example: { type: 'text', text: 'Words may come ' },
      },
      flush: {
        summary: 'Speaks what is there, complete or not. `flushed` follows its last audio.',
        payload: z.object({ type: type('flush') }),
        example: { type: 'flush' },
      },
      clear: {
        summary: 'Stops talking. `cleared` follows, and no audio of the old text comes after it.',
        payload: z.object({ type: type('clear') }),
        example: { type: 'clear' },
      },
      close: {
        summary: 'Speaks what is there, sends `done` and closes the connection.',
        payload: z.object({ type: type('close') }),
        example: { type: 'close' },
      },
    },
    sent: {
      started: {
        summary: 'The stream is open.',
        payload: z.object({ type: type('started'), voice, seed: seedSchema, sample_rate: z.literal(24000) }),
        example: { type: 'started', voice: 'heart', seed: 7, sample_rate: 24000 },
      },
      sentence: {
        summary:
          'Comes just before the sentence’s audio. Characters count from the first text, seconds from the first audio.',
        payload: z.object({ type: type('sentence') }).and(sentenceSchema),
      },
      audio: { summary: 'Audio, a binary message: s16le, 24 kHz, mono.' },
      flushed: { summary: 'Answers `flush`.', payload: z.object({ type: type('flushed') }) },
      cleared: { summary: 'Answers `clear`.', payload: z.object({ type: type('cleared') }) },
      done: { summary: 'The stream has ended.', payload: z.object({ type: type('done') }) },
      error: {
        summary: 'A message was wrong, and the connection stays. Or the stream failed, and another may be started.',
        payload: z.object({
          type: type('error'),
          code: z.string(),
          message: z.string(),
          param: z.string().nullable().optional(),
        }),
      },
    },
  },

  '/v1/speak': {
    title: 'Deepgram',
    summary: 'For Deepgram’s clients.',
    address: '/v1/speak',
    query: z.object({
      model: z.string().optional().describe('`aura-...` means one of the voices here, else a voice’s name.'),
      ...deepgramOutput,
      speed: speedSchema.optional(),
    }),
    received: {
      Speak: {
        summary: 'Adds text, up to 2000 characters.',
        payload: deepgramText,
        example: { type: 'Speak', text: 'Hello there. ' },
      },
      Flush: {
        summary: 'Speaks what is there.',
        payload: z.object({ type: type('Flush') }),
        example: { type: 'Flush' },
      },
      Clear: {
        summary: 'Stops talking.',
        payload: z.object({ type: type('Clear') }),
        example: { type: 'Clear' },
      },
      Close: {
        summary: 'Speaks what is there and closes.',
        payload: z.object({ type: type('Close') }),
        example: { type: 'Close' },
      },
    },
    sent: {
      Metadata: {
        summary: 'Comes first.',
        payload: z.looseObject({ type: type('Metadata'), request_id: z.string(), model_name: z.string() }),
      },
      audio,
      Flushed: { summary: 'Answers `Flush`.', payload: z.object({ type: type('Flushed'), ...sequence }) },
      Cleared: { summary: 'Answers `Clear`.', payload: z.object({ type: type('Cleared'), ...sequence }) },
      Warning: {
        summary: 'A message was wrong. The connection stays.',
        payload: z.object({
          type: type('Warning'),
          description: z.string(),
          warn_msg: z.string(),
          code: z.string(),
        }),
      },
      Error: {
        summary: 'The stream failed.',
        payload: z.object({ type: type('Error'), description: z.string(), code: z.string() }),
      },
    },
  },

  '/v2/speak': {
    title: 'Deepgram, version 2',
    summary: 'For Deepgram’s clients: text in turns, which are spoken one after the other.',
    address: '/v2/speak',
    query: z.object({
      model: z.string().optional().describe('`flux-...` means one of the voices here, else a voice’s name.'),
      ...deepgramOutput,
      speed: z.number().min(0.5).max(1.5).optional(),
    }),
    received: {
      Speak: {
        summary: 'Adds text to the turn, up to 2000 characters. The first text of a turn begins it.',
        payload: deepgramText,
        example: { type: 'Speak', text: 'Hello there. ' },
      },
      Flush: {
        summary: 'Ends the turn.',
        payload: z.object({ type: type('Flush') }),
        example: { type: 'Flush' },
      },
      Interrupt: {
        summary: 'Breaks off the turn and drops those that wait.',
        payload: z.object({
          type: type('Interrupt'),
          playback_offset: z.object({ type: z.literal('time_ms').optional(), value: z.number().min(0) }).nullish(),
        }),
        example: { type: 'Interrupt', playback_offset: { type: 'time_ms', value: 1500 } },
      },
      Configure: {
        summary: 'Sets the speed of the turns that begin afterwards.',
        payload: z.object({ type: type('Configure'), speed: z.number().nullish() }),
        example: { type: 'Configure', speed: 1.2 },
      },
      Close: {
        summary: 'Speaks what is there and closes.',
        payload: z.object({ type: type('Close') }),
        example: { type: 'Close' },
      },
    },
    sent: {
      Connected: {
        summary: 'Comes first.',
        payload: z.object({
          type: type('Connected'),
          request_id: z.string(),
          model_name: z.string(),
          model_version: z.string(),
          model_uuids: z.array(z.string()),
        }),
      },
      SpeechStarted: {
        summary: 'A turn begins to be spoken.',
        payload: z.object({ type: type('SpeechStarted'), speech_id }),
      },
      audio,
      SpeechMetadata: {
        summary: 'A turn has been spoken.',
        payload: z.object({ type: type('SpeechMetadata'), ...turn }),
      },
      Flushed: { summary: 'Follows it.', payload: z.object({ type: type('Flushed'), speech_id }) },
      SpeechInterrupted: {
        summary: 'Answers `Interrupt`. With an offset it tells what was heard and what was not.',
        payload: z.object({
          type: type('SpeechInterrupted'),
          audio_played_ms: z.int(),
          text_spoken: z.string().optional(),
          text_remaining: z.string().optional(),
          metadata: z.object(turn),
        }),
      },
      ConfigureSuccess: {
        summary: 'Answers `Configure`.',
        payload: z.object({ type: type('ConfigureSuccess'), applied: z.object({ speed: z.number() }) }),
      },
      ConfigureFailure: {
        summary: 'Answers `Configure`. Nothing has changed.',
        payload: z.object({
          type: type('ConfigureFailure'),
          code: z.string(),
          field: z.string(),
          value: z.number(),
          description: z.string(),
        }),
      },
      Warning: {
        summary: 'A message had no effect. The session goes on.',
        payload: z.object({ type: type('Warning'), code: z.string(), description: z.string() }),
      },
      SessionMetadata: {
        summary: 'Comes last.',
        payload: z.object({
          type: type('SessionMetadata'),
          total_audio_duration_ms: z.int(),
          total_input_character_count: z.int(),
          total_billable_character_count: z.int(),
        }),
      },
      Error: {
        summary: 'A turn failed.',
        payload: z.object({ type: type('Error'), code: z.string(), description: z.string() }),
      },
    },
  },

  '/v1/text-to-speech/stream-input': {
    title: 'ElevenLabs',
    summary: 'For ElevenLabs’ clients.',
    address: '/v1/text-to-speech/{voice}/stream-input',
    parameters: { voice: 'A voice’s name, one of OpenAI’s names, or an id of ElevenLabs.' },
    query: z.object({
      output_format: z
        .string()
        .default('mp3_44100_128')
        .describe('CODEC_RATE or CODEC_RATE_KILOBITS, such as `pcm_24000`.'),
      seed: seedSchema.optional(),
    }),
    received: {
      text: {
        summary: 'Adds text. A single space opens the stream, and an empty text ends it.',
        payload: z.object({
          text,
          flush: z.boolean().optional(),
          try_trigger_generation: z.boolean().optional(),
          voice_settings: z.object({ speed: speedSchema.optional() }).nullish(),
          xi_api_key: z.string().optional(),
        }),
        example: { text: 'Hello there. ', flush: true },
      },
    },
    sent: {
      audio: {
        summary: 'Audio in base64. The first message of a sentence has the times of its characters.',
        payload: z.object({ audio: base64, isFinal: z.literal(false), alignment, normalizedAlignment: alignment }),
      },
      final: {
        summary: 'The stream has ended.',
        payload: z.object({
          audio: z.null(),
          isFinal: z.literal(true),
          alignment: z.null(),
          normalizedAlignment: z.null(),
        }),
      },
      error: {
        summary: 'The stream failed. The connection is closed.',
        payload: z.object({ message: z.string(), error: z.string(), code: z.int() }),
      },
    },
  },

  '/v1/text-to-speech/multi-stream-input': {
    title: 'ElevenLabs, several texts',
    summary: 'For agents of LiveKit and Pipecat: several texts over one connection, each in a context of its own.',
    address: '/v1/text-to-speech/{voice}/multi-stream-input',
    parameters: { voice: 'A voice’s name, one of OpenAI’s names, or an id of ElevenLabs.' },
    query: z.object({
      output_format: z
        .string()
        .default('mp3_44100_128')
        .describe('CODEC_RATE or CODEC_RATE_KILOBITS, such as `pcm_24000`.'),
      seed: seedSchema.optional(),
    }),
    received: {
      text: {
        summary: 'Adds text to a context. A single space opens one, and an empty text keeps it.',
        payload: z.object({
          text: text.nullish(),
          context_id: z.string().nullish(),
          flush: z.boolean().nullish(),
          close_context: z.boolean().nullish().describe('Speaks what is there and ends the context.'),
          close_socket: z.boolean().nullish().describe('Ends all contexts, then the connection.'),
          voice_settings: z.object({ speed: speedSchema.nullish() }).nullish(),
          xi_api_key: z.string().nullish(),
        }),
        example: { text: 'Hello there. ', context_id: 'a', flush: true },
      },
    },
    sent: {
      audio: {
        summary: 'Audio in base64. The first message of a sentence has the times of its characters.',
        payload: z.object({ audio: base64, alignment, normalizedAlignment: alignment, ...context }),
      },
      final: { summary: 'The context has ended.', payload: z.object({ isFinal: z.literal(true), ...context }) },
      error: {
        summary: 'The context has failed. The others go on.',
        payload: z.object({ message: z.string(), error: z.string(), code: z.int(), ...anyContext }),
      },
    },
  },
}

const nameOf = (route: string): string =>
  route.replace(/^\/v1\//, '').replace(/[^a-z0-9]+(.)/gi, (_, next: string) => next.toUpperCase())

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}

/** The document. */
export function asyncApiDocument(): object {
  const protocols = Object.entries(PROTOCOLS).map(([route, protocol]) => ({ ...protocol, name: nameOf(route) }))
  const messagesOf = ({ received, sent }: Protocol) => [
    ...Object.entries(received).map(([name, message]) => ({
      key: `receive.${name}`,
      name,
      message,
      io: 'input' as const,
    })),
    ...Object.entries(sent).map(([name, message]) => ({ key: `send.${name}`, name, message, io: 'output' as const })),
  ]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'sparsewave',
      version: packageVersion(),
      description: 'Text that arrives in pieces to audio, over WebSockets.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      local: {
        host: 'localhost:8080',
        protocol: 'ws',
        description: 'The server that gave this document.',
        security: [{ $ref: '#/components/securitySchemes/bearer' }],
      },
    },
    channels: Object.fromEntries(
      protocols.map((protocol) => [
        protocol.name,
        {
          address: protocol.address,
          title: protocol.title,
          summary: protocol.summary,
          ...(protocol.parameters && {
            parameters: Object.fromEntries(
              Object.entries(protocol.parameters).map(([name, description]) => [name, { description }]),
            ),
          }),
          ...(protocol.query && { bindings: { ws: { query: schemaOf(protocol.query, 'input') } } }),
          messages: Object.fromEntries(
            messagesOf(protocol).map(({ key, name, message: { summary, payload, example }, io }) => [
              key,
              {
                name,
                summary,
                ...(payload
                  ? { payload: schemaOf(payload, io) }
                  : { contentType: 'application/octet-stream', payload: { type: 'string', format: 'binary' } }),
                ...(example && { examples: [{ payload: example }] }),
              },
            ]),
          ),
        },
      ]),
    ),
    operations: Object.fromEntries(
      protocols.flatMap((protocol) =>
        (['receive', 'send'] as const).map((action) => [
          `${protocol.name}.${action}`,
          {
            action,
            channel: { $ref: `#/channels/${protocol.name}` },
            summary: action === 'receive' ? 'What clients send.' : 'What the server sends.',
            messages: messagesOf(protocol)
              .filter(({ key }) => key.startsWith(`${action}.`))
              .map(({ key }) => ({ $ref: `#/channels/${protocol.name}/messages/${key}` })),
          },
        ]),
      ),
    ),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Only where the server asks for a key.' },
      },
    },
  }
}
