/** Requests, handshakes and messages that are turned away: each is counted and logged with its reason. */
import type { SparsewaveError } from '../../src/errors.ts'
import type { ServerDeps } from '../deps.ts'

/** Statuses of those who may not come in, or not now. */
const TURNED_AWAY = new Set([401, 403, 429, 503])

/** Label of tts_refused_total and field `refused` of the log; undefined for errors of another kind. */
export function refusalOf({ status, code }: Pick<SparsewaveError, 'status' | 'code'>): string | undefined {
  if (!TURNED_AWAY.has(status)) return undefined
  return code === 'INVALID_API_KEY' ? 'key' : code.toLowerCase()
}

/** Counts a refusal over an open connection and writes its line in the log. */
export function logRefusal(
  { metrics, logger }: Pick<ServerDeps, 'metrics' | 'logger'>,
  error: SparsewaveError,
  fields: Record<string, unknown>,
): void {
  const reason = refusalOf(error)
  if (reason === undefined) return
  metrics.refused.inc({ reason })
  logger.info({ ...fields, status: error.status, refused: reason })
}
