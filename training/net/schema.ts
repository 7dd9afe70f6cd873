/** What a zod schema refuses, as one sentence for people. */
import { nearest } from 'sparsewave/internal/errors'
import type { z } from 'zod'

/** One sentence on what `schema` refuses: an unknown key with the nearest known one, or the first value that is wrong. */
export function describeIssue(schema: z.ZodType, { issues }: z.ZodError): string {
  // A mistyped key is why another is missing, so it comes first.
  const issue = issues.find((i) => i.code === 'unrecognized_keys') ?? issues[0]!
  const at = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const near = nearest(key, knownKeys(schema, issue.path))
    const full = (name: string) => `\`${[...issue.path, name].join('.')}\``
    return `unknown key ${full(key)}.${near ? ` Did you mean ${full(near)}?` : ''}`
  }
  const why = issue.message.replace(/^Invalid \w+: /, '')
  if (why.endsWith('received undefined')) return `the key \`${at}\` is missing.`
  return `${at ? `\`${at}\`` : 'the file'}: ${why}.`
}

/** Keys that the schema's object at `path` has. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = unwrap(schema)
  for (const key of path) at = unwrap(at?.shape?.[key as string])
  return Object.keys(at?.shape ?? {})
}

interface Introspected {
  readonly shape?: Record<string, z.ZodType>
  readonly def?: { innerType?: z.ZodType }
}

function unwrap(schema: z.ZodType | undefined): Introspected | undefined {
  let at = schema as unknown as Introspected | undefined
  while (at && !at.shape && at.def?.innerType) at = at.def.innerType as unknown as Introspected
  return at
}
