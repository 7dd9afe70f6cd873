/** Settings from the environment, for the server and the trainer. */
import { z } from 'zod'
import { SparsewaveError } from './errors.ts'

/** A whole number of a range. */
export const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max)

/** What a schema makes of an environment. Throws USAGE naming each variable that is wrong. Empty counts as unset. */
export function parseEnvironment<T>(schema: z.ZodType<T>, env: Record<string, string | undefined>): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = schema.safeParse(set)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new SparsewaveError('USAGE', `The environment has settings that cannot be used: ${faults.join('; ')}.`, {
    remedy: 'docs/reference/configuration.md lists the settings and their ranges.',
  })
}
