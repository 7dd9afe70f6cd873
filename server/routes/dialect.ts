/**
 * What makes an HTTP dialect: its paths, and how each of their requests becomes the one description that is served. Keys,
 * limits, errors, metrics, the log and back-pressure are the server's business, the same for all.
 */
import type { Request } from 'express'
import type { z } from 'zod'
import type { Output } from '../../src/audio/encoders/index.ts'
import type { SparsewaveError } from '../../src/errors.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'
import type { ServerDeps } from '../deps.ts'
import type { VoiceCatalogue } from '../voices.ts'
import type { WriterFactory } from './speech-answer.ts'

export interface HttpDialect {
  readonly name: string
  readonly routes: readonly Route[]
  /** Body of an error answer. OpenAI's error object unless given. */
  errorBody?(error: SparsewaveError, requestId: string): object
}

export type Route = SpeechRoute | InfoRoute

interface CommonRoute {
  readonly method: 'get' | 'post'
  /** As Express writes it. Also the label `route` of the metrics. */
  readonly path: string
  /** A line for the reference, and what the path and the query may hold, with examples where something is required. */
  readonly summary: string
  readonly query?: z.ZodType
  readonly examples?: Readonly<Record<string, string>>
  /** Whether a request is meant for this dialect, where several have the path. */
  isMeant?(req: Request): boolean
}

/** Text in, audio out. */
export interface SpeechRoute extends CommonRoute {
  /** Fields of a JSON body, for the reference. `name` is that of the schema. */
  readonly request?: { readonly name: string; readonly schema: z.ZodType }
  /** Media types of the answer, for the reference. Default: those of OpenAI's formats. */
  readonly mediaTypes?: readonly string[]
  /** How the body is read before `read` sees it. Default `json`. */
  readonly body?: 'json' | 'text'
  /** The key, or a signature made with it, may stand in the query. */
  readonly keyInQuery?: boolean
  /** What the request asks for. Throws RequestError. */
  read(req: Request, voices: VoiceCatalogue): SpokenRequest
}

/** An answer in JSON that needs no worker. By POST it counts as a request, and its body is JSON. */
export interface InfoRoute extends CommonRoute {
  readonly request?: SpeechRoute['request']
  /** Throws RequestError. */
  answer(req: Request, deps: ServerDeps): object | Promise<object>
}

/** A request to speak, whatever dialect it came in. */
export interface SpokenRequest {
  readonly text: string
  /** The field that held the text, for errors. */
  readonly textField: string
  /** One of the catalogue. */
  readonly voice: string
  readonly output: Output
  /** Label of the metrics: one of a few. Default `sparsewave`. */
  readonly model?: string
  /** Without it text that begins with <speak> is SSML. */
  readonly inputType?: 'text' | 'ssml' | undefined
  readonly seed?: number | undefined
  readonly speed?: number | undefined
  readonly pitch?: number | undefined
  readonly lexicon?: Readonly<Record<string, string>> | undefined
  readonly vocoder?: VocoderKind | undefined
  /** How the audio goes out. As it is unless given. */
  readonly writer?: WriterFactory
  /** Of the answer. That of the output unless given. */
  readonly mediaType?: string
  readonly headers?: Readonly<Record<string, string>>
}
