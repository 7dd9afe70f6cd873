/** What a client of a server may do about a fault that is not its own. */
const OPERATOR = 'Tell the operator of the server.'

/**
 * The one registry of errors a user can meet. Each has a code, the HTTP status it maps to, and a remedy for a terminal.
 * `http` is the remedy for clients of a server, where theirs is another. The CLI prints `message` and `remedy` and exits
 * with 2. The server puts both into its error object.
 */
export const ERRORS = {
  USAGE: {
    status: 400,
    remedy: 'See `sparsewave --help`.',
    http: '`GET /openapi.json` on this server describes every request.',
  },
  INPUT_EMPTY: { status: 400, remedy: 'Give at least one word to speak.' },
  INPUT_TOO_LONG: { status: 400, remedy: 'Send the text in several requests.' },
  REQUEST_INVALID: {
    status: 400,
    remedy: 'See the API reference in docs/reference/http.md.',
    http: '`GET /openapi.json` on this server describes every field.',
  },
  MODEL_NOT_FOUND: { status: 404, remedy: '`GET /v1/models` lists the models there are.' },
  VOICE_UNKNOWN: {
    status: 400,
    remedy: '`sparsewave voices` lists the voices there are.',
    http: '`GET /v1/audio/voices` lists the voices there are.',
  },
  VOICE_DAMAGED: {
    status: 500,
    remedy: 'Install the voice package again; its files do not match their checksums.',
    http: 'Ask for another voice, or tell the operator of the server.',
  },
  VOICE_MISMATCH: {
    status: 500,
    remedy: 'Use a voice package made for this version of sparsewave.',
    http: 'Ask for another voice, or tell the operator of the server.',
  },
  VOICE_CLOSED: { status: 500, remedy: 'Open the voice again with `openVoice`.', http: OPERATOR },
  WEIGHTS_INVALID: {
    status: 500,
    remedy: 'Export the weights again with `sparsewave compact`.',
    http: 'Ask for another voice, or tell the operator of the server.',
  },
  PRECISION_UNKNOWN: {
    status: 500,
    remedy: 'Unset SPARSEWAVE_PRECISION or set it to one of the names listed.',
    http: OPERATOR,
  },
  PRECISION_UNAVAILABLE: {
    status: 500,
    remedy: 'Unset SPARSEWAVE_PRECISION or choose another SPARSEWAVE_KERNEL.',
    http: OPERATOR,
  },
  KERNEL_UNKNOWN: {
    status: 500,
    remedy: 'Unset SPARSEWAVE_KERNEL or set it to one of the names listed.',
    http: OPERATOR,
  },
  KERNEL_UNAVAILABLE: { status: 500, remedy: 'Unset SPARSEWAVE_KERNEL to let sparsewave choose.', http: OPERATOR },
  CORPUS_MISSING: {
    status: 400,
    remedy: 'Set `corpus` in the job file to a folder with corpus.jsonl or metadata.csv.',
    http: OPERATOR,
  },
  CORPUS_INVALID: { status: 400, remedy: 'Mend or remove the named line of the corpus.', http: OPERATOR },
  AUDIO_INVALID: {
    status: 400,
    remedy: 'Convert the file to 24 kHz mono WAV first (for example with sox or ffmpeg).',
    http: OPERATOR,
  },
  RECORDING_UNFIT: {
    status: 400,
    remedy: 'Correct the recording or its text, or leave it out.',
    http: OPERATOR,
  },
  JOB_INVALID: { status: 400, remedy: 'Compare the job file with training/jobs/*.yaml.', http: OPERATOR },
  CHECKPOINT_INVALID: { status: 400, remedy: 'Train again, or resume from an older checkpoint.', http: OPERATOR },
  TRAINING_DIVERGED: { status: 500, remedy: 'Lower `learningRate` in the job file and resume.', http: OPERATOR },
  DISK_FULL: {
    status: 507,
    remedy: 'Make room and run it again; it goes on from its last checkpoint.',
    http: OPERATOR,
  },
  TRAINING_MISSING: { status: 501, remedy: 'Run `npm install sparsewave-training`.', http: OPERATOR },
  RUNTIME_MISSING: {
    status: 500,
    remedy: 'Run `npm install onnxruntime-node`, or install without `--omit=optional`.',
    http: OPERATOR,
  },
  JOB_UNKNOWN: { status: 404, remedy: '`sparsewave jobs list --all` lists the jobs there are.', http: OPERATOR },
  FILE_INVALID: { status: 400, remedy: 'Send a tar, tar.gz or zip of one corpus.' },
  FILE_UNKNOWN: { status: 404, remedy: '`GET /v1/files` lists the files there are.' },
  FILE_TOO_LARGE: { status: 413, remedy: 'Send a smaller archive, or several.' },
  QUOTA_EXCEEDED: { status: 507, remedy: 'Delete files and jobs that are no longer needed.' },
  STATE_CONFLICT: { status: 409, remedy: 'Look at its state first.' },
  IDEMPOTENCY_MISMATCH: { status: 422, remedy: 'Use another Idempotency-Key for another request.' },
  QUEUE_UNAVAILABLE: { status: 500, remedy: 'Give another file with --queue, or move this one away.', http: OPERATOR },
  ENGINE_UNAVAILABLE: {
    status: 500,
    remedy: '`sparsewave doctor` says which engines can be used and why others cannot.',
    http: OPERATOR,
  },
  RANK_LOST: {
    status: 500,
    remedy:
      'Start the same command again with --resume; it goes on from the last checkpoint, with any number of ranks.',
    http: OPERATOR,
  },
  RANKS_DIFFER: {
    status: 500,
    remedy: 'Give every rank the same version, job file and folders, and start again with --resume.',
    http: OPERATOR,
  },
  FORMAT_UNAVAILABLE: { status: 400, remedy: 'Ask for another format.' },
  INVALID_API_KEY: { status: 401, remedy: 'Send it as `Authorization: Bearer KEY`.' },
  PERMISSION_DENIED: { status: 403, remedy: 'Ask the operator for a key that has this scope.' },
  RATE_LIMIT_EXCEEDED: { status: 429, remedy: 'Try again after the time in Retry-After.' },
  SERVER_BUSY: { status: 429, remedy: 'Try again after the time in Retry-After.' },
  QUEUE_TIMEOUT: { status: 503, remedy: 'Try again after the time in Retry-After.' },
  SERVER_STOPPING: { status: 503, remedy: 'Try again on another instance.' },
  SYNTHESIS_FAILED: { status: 500, remedy: 'Try again; if it happens again, report it with the request id.' },
} as const satisfies Record<string, { status: number; remedy: string; http?: string }>

export type ErrorCode = keyof typeof ERRORS

/** What a client of a server may do about an error: its own remedy, or the registry's for clients. */
export function httpRemedy({ code, remedy }: { readonly code: ErrorCode; readonly remedy: string }): string {
  const entry: { readonly remedy: string; readonly http?: string } = ERRORS[code]
  if (remedy === entry.remedy) return entry.http ?? remedy
  // Paths of the documentation lead nowhere for a client.
  return remedy.replace(/(?:^|;?\s*)docs\/\S+\.md [^.;]*\./, '.').replace(/^\.$/, entry.http ?? '')
}

export class SparsewaveError extends Error {
  readonly code: ErrorCode
  /** HTTP status. */
  readonly status: number
  readonly remedy: string

  constructor(code: ErrorCode, message: string, options?: { remedy?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SparsewaveError'
    this.code = code
    this.status = ERRORS[code].status
    this.remedy = options?.remedy ?? ERRORS[code].remedy
  }
}

const LONGEST_NAME = 64

/** The candidate closest to `word` by edit distance, for "did you mean". Returns undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // No name is that long, and the comparison takes time in proportion to it.
  if (word.length > LONGEST_NAME) return undefined
  let best: string | undefined
  let bestDistance = Math.max(2, Math.ceil(word.length / 2)) + 1
  for (const candidate of candidates) {
    const d = editDistance([...word.toLowerCase()], [...candidate.toLowerCase()])
    if (d < bestDistance) {
      bestDistance = d
      best = candidate
    }
  }
  return best
}

/** Levenshtein distance between two sequences. */
export function editDistance<T>(a: readonly T[], b: readonly T[]): number {
  const row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!
    row[0] = i
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!
      row[j] = Math.min(above + 1, row[j - 1]! + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1))
      diagonal = above
    }
  }
  return row[b.length]!
}
