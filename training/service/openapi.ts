/** The service's part of the OpenAPI document, made from the schemas that requests are parsed with. */
import { z } from 'zod'
import { completeUploadSchema, createUploadSchema, PURPOSES } from './files.ts'
import { createJobSchema } from './jobs.ts'
import { JOB_KINDS } from './kinds/index.ts'

const time = z.int().describe('Seconds since 1970.')
const fileSchema = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int().describe('Of the archive.'),
  created_at: time,
  expires_at: time,
  filename: z.string(),
  purpose: z.enum(PURPOSES),
  status: z.literal('processed'),
  utterances: z.int(),
  ignored: z.int().describe('Files of the archive that no corpus needs.'),
})
const partSchema = z.object({
  id: z.string(),
  object: z.literal('upload.part'),
  created_at: time,
  upload_id: z.string(),
  bytes: z.int(),
})
const uploadSchema = z.object({
  id: z.string(),
  object: z.literal('upload'),
  bytes: z.int(),
  created_at: time,
  expires_at: time,
  filename: z.string(),
  purpose: z.enum(PURPOSES),
  status: z.enum(['pending', 'completed', 'cancelled']),
  parts: z.array(partSchema).describe('Parts that have arrived.'),
  file: fileSchema.nullable(),
})
const jobSchema = z.object({
  id: z.string(),
  object: z.literal('training.job'),
  kind: z.string(),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  estimated_finish: time.nullable(),
  status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  progress: z.number().describe('From 0 to 1.'),
  detail: z.string(),
  interrupted: z.boolean().describe('Running, but its process has died. The next free worker goes on with it.'),
  training_file: z.string().nullable(),
  job: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.string()),
  trained_steps: z.int().nullable(),
  loss: z.number().nullable().describe('Smoothed.'),
  validation_loss: z.number().nullable(),
  result: z.string().nullable().describe('Path of the package.'),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})
const eventSchema = z.object({
  id: z.string(),
  object: z.literal('training.job.event'),
  created_at: time,
  level: z.enum(['info', 'warn', 'error']),
  type: z.enum(['message', 'metrics']),
  message: z.string(),
  data: z.record(z.string(), z.unknown()).nullable(),
})
const checkpointSchema = z.object({
  id: z.string(),
  object: z.literal('training.job.checkpoint'),
  created_at: time,
  training_job_id: z.string(),
  step_number: z.int(),
  bytes: z.int(),
})
const validationSchema = z.object({
  id: z.string(),
  object: z.literal('training.job.validation'),
  created_at: time,
  step_number: z.int(),
  masks: z.string().describe('Path of the masks at that moment.'),
  samples: z.array(
    z.object({ utterance: z.string(), sample: z.string().describe('Path of a WAV.'), recording: z.string() }),
  ),
})
const masksSchema = z.object({
  update: z.int(),
  matrices: z.array(
    z.object({
      name: z.string(),
      strips: z.int().describe('Of 16 rows.'),
      columns: z.int(),
      kept: z.array(z.int()).describe('Columns that are kept, strip after strip, as many in each.'),
    }),
  ),
})
const deletedSchema = z.object({ id: z.string(), object: z.enum(['file', 'training.job']), deleted: z.literal(true) })
const listOf = <S extends z.ZodType>(schema: S) =>
  z.object({
    object: z.literal('list'),
    data: z.array(schema),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })

/** What the answers look like. Tests hold the service to them. */
export const TRAINING_ANSWERS = {
  TrainingFile: fileSchema,
  TrainingFiles: listOf(fileSchema),
  TrainingUpload: uploadSchema,
  TrainingUploadPart: partSchema,
  TrainingJob: jobSchema,
  TrainingJobs: listOf(jobSchema),
  TrainingEvents: listOf(eventSchema),
  TrainingCheckpoints: listOf(checkpointSchema),
  TrainingValidations: listOf(validationSchema),
  TrainingMasks: masksSchema,
  TrainingDeleted: deletedSchema,
}
const REQUESTS = {
  CreateTrainingJob: createJobSchema,
  CreateTrainingUpload: createUploadSchema,
  CompleteTrainingUpload: completeUploadSchema,
}

const STATUSES = {
  400: 'Something of the request is wrong: `param` names it.',
  401: 'No API key came, or a wrong one.',
  403: 'The API key does not have the scope `train`.',
  404: 'There is no such object of this key.',
  409: 'Its state does not allow this.',
  413: 'It is larger than the server takes.',
  422: 'The Idempotency-Key was used for another request.',
  429: 'A limit is used up. `Retry-After` says when to come back.',
  500: "The server's fault.",
  507: 'The disk quota of this key is used up, or the disk is full.',
} as const
type Status = keyof typeof STATUSES
type Answer = keyof typeof TRAINING_ANSWERS
type Request = keyof typeof REQUESTS

const ref = (name: Answer | Request | 'Error') => ({ $ref: `#/components/schemas/${name}` })
const errors = (...more: Status[]) =>
  Object.fromEntries(
    ([...more, 401, 403, 429, 500] as Status[]).map((status) => [
      String(status),
      { description: STATUSES[status], content: { 'application/json': { schema: ref('Error') } } },
    ]),
  )
const ok = (answer: Answer) => ({
  '200': { description: 'OK', content: { 'application/json': { schema: ref(answer) } } },
})
const jsonBody = (request: Request) => ({
  requestBody: { required: true, content: { 'application/json': { schema: ref(request) } } },
})
const formBody = (field: string, fields: object = {}) => ({
  requestBody: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: [field, ...Object.keys(fields)],
          properties: { [field]: { type: 'string', format: 'binary' }, ...fields },
        },
      },
    },
  },
})
const idempotent = {
  parameters: [
    {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'The same key and request give the same object, however often they are sent.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
  ],
}
const paged = (text: string) => ({
  parameters: [
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
    {
      name: 'after',
      in: 'query',
      description: `Id of the ${text} before the first one wanted.`,
      schema: { type: 'string' },
    },
  ],
})
const inPath = (name: string, example: string) => ({
  parameters: [{ name, in: 'path', required: true, example, schema: { type: 'string' } }],
})
const file = inPath('file', 'file-0123456789abcdef01234567')
const upload = inPath('upload', 'upload-0123456789abcdef01234567')
const job = inPath('job', 'job-0123456789abcdef01234567')
const wav = { '200': { description: 'OK', content: { 'audio/wav': {} } } }
const tar = { '200': { description: 'OK', content: { 'application/x-tar': {} } } }

const paths: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  '/v1/files': {
    post: {
      summary: 'Send recordings, as tar, tar.gz or zip',
      ...idempotent,
      ...formBody('file', { purpose: { enum: [...PURPOSES] } }),
      responses: { ...ok('TrainingFile'), ...errors(400, 409, 413, 422, 507) },
    },
    get: { summary: 'Files, newest first', ...paged('file'), responses: { ...ok('TrainingFiles'), ...errors(400) } },
  },
  '/v1/files/{file}': {
    ...file,
    get: { summary: 'A file', responses: { ...ok('TrainingFile'), ...errors(400, 404) } },
    delete: {
      summary: 'Delete a file. Jobs that use it keep their copy',
      responses: { ...ok('TrainingDeleted'), ...errors(400, 404) },
    },
  },
  '/v1/uploads': {
    post: {
      summary: 'Begin to send recordings in parts',
      ...idempotent,
      ...jsonBody('CreateTrainingUpload'),
      responses: { ...ok('TrainingUpload'), ...errors(400, 409, 413, 422, 507) },
    },
  },
  '/v1/uploads/{upload}': {
    ...upload,
    get: {
      summary: 'An upload and the parts that have arrived',
      responses: { ...ok('TrainingUpload'), ...errors(400, 404) },
    },
  },
  '/v1/uploads/{upload}/parts': {
    ...upload,
    post: {
      summary: 'Send a part of at most 64 MiB',
      ...formBody('data'),
      responses: { ...ok('TrainingUploadPart'), ...errors(400, 404, 409, 413, 507) },
    },
  },
  '/v1/uploads/{upload}/complete': {
    ...upload,
    post: {
      summary: 'Join the parts into a file',
      ...jsonBody('CompleteTrainingUpload'),
      responses: { ...ok('TrainingUpload'), ...errors(400, 404, 409, 413, 422, 507) },
    },
  },
  '/v1/uploads/{upload}/cancel': {
    ...upload,
    post: { summary: 'Give an upload up', responses: { ...ok('TrainingUpload'), ...errors(400, 404, 409) } },
  },
  '/v1/training/jobs': {
    post: {
      summary: 'Start a job',
      description: JOB_KINDS.map(({ name, says }) => `\`${name}\`: ${says}`).join('\n\n'),
      ...idempotent,
      ...jsonBody('CreateTrainingJob'),
      responses: { ...ok('TrainingJob'), ...errors(400, 404, 409, 422, 507) },
    },
    get: { summary: 'Jobs, newest first', ...paged('job'), responses: { ...ok('TrainingJobs'), ...errors(400) } },
  },
  '/v1/training/jobs/{job}': {
    ...job,
    get: { summary: 'A job', responses: { ...ok('TrainingJob'), ...errors(400, 404) } },
    delete: {
      summary: 'Delete a job that has ended, with its checkpoints and result',
      responses: { ...ok('TrainingDeleted'), ...errors(400, 404, 409) },
    },
  },
  '/v1/training/jobs/{job}/cancel': {
    ...job,
    post: {
      summary: 'Cancel a job. A running one leaves a checkpoint',
      responses: { ...ok('TrainingJob'), ...errors(400, 404, 409) },
    },
  },
  '/v1/training/jobs/{job}/resume': {
    ...job,
    post: {
      summary: 'Go on with a job that was cancelled or has failed, from its checkpoint',
      responses: { ...ok('TrainingJob'), ...errors(400, 404, 409, 507) },
    },
  },
  '/v1/training/jobs/{job}/events': {
    ...job,
    get: {
      summary: 'Events, newest first; or as they come, with `Accept: text/event-stream` or `stream=true`',
      parameters: [
        ...paged('event').parameters,
        { name: 'stream', in: 'query', schema: { type: 'boolean', default: false } },
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'Go on after this event of the stream.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        '200': {
          description: 'A list, or a stream of `event` and `job`.',
          content: { 'application/json': { schema: ref('TrainingEvents') }, 'text/event-stream': {} },
        },
        ...errors(400, 404),
      },
    },
  },
  '/v1/training/jobs/{job}/checkpoints': {
    ...job,
    get: { summary: 'Checkpoints, newest first', responses: { ...ok('TrainingCheckpoints'), ...errors(400, 404) } },
  },
  '/v1/training/jobs/{job}/checkpoints/{checkpoint}/content': {
    parameters: [...job.parameters, ...inPath('checkpoint', 'step-1000').parameters],
    get: {
      summary: 'The file of a checkpoint, safetensors',
      responses: { '200': { description: 'OK', content: { 'application/octet-stream': {} } }, ...errors(400, 404) },
    },
  },
  '/v1/training/jobs/{job}/validations': {
    ...job,
    get: {
      summary: 'Validations that left samples and masks, newest first',
      responses: { ...ok('TrainingValidations'), ...errors(400, 404) },
    },
  },
  '/v1/training/jobs/{job}/validations/{validation}/masks': {
    parameters: [...job.parameters, ...inPath('validation', 'step-1000').parameters],
    get: {
      summary: 'Which blocks of the weights were kept',
      responses: { ...ok('TrainingMasks'), ...errors(400, 404) },
    },
  },
  '/v1/training/jobs/{job}/validations/{validation}/samples/{utterance}': {
    parameters: [
      ...job.parameters,
      ...inPath('validation', 'step-1000').parameters,
      ...inPath('utterance', 'u00003').parameters,
    ],
    get: {
      summary: 'A held-out recording, synthesized by the net of that moment',
      responses: { ...wav, ...errors(400, 404) },
    },
  },
  '/v1/training/jobs/{job}/recordings/{utterance}': {
    parameters: [...job.parameters, ...inPath('utterance', 'u00003').parameters],
    get: { summary: 'The recording itself', responses: { ...wav, ...errors(400, 404) } },
  },
  '/v1/training/jobs/{job}/result': {
    ...job,
    get: { summary: 'The result, as a tar', responses: { ...tar, ...errors(400, 404, 409) } },
  },
}

/** Operations, with the heading that pages put them under. */
export const trainingPaths: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(paths).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key,
        key === 'parameters' ? value : { tags: ['Training'], ...value },
      ]),
    ),
  ]),
)

const schemasOf = (schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output') =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema, ...rest } = z.toJSONSchema(schema, { io })
      return [name, rest]
    }),
  )

export const trainingSchemas: Readonly<Record<string, object>> = {
  ...schemasOf(TRAINING_ANSWERS, 'output'),
  ...schemasOf(REQUESTS, 'input'),
}
