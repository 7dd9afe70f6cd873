/**
 * The folder of a voice that is being made: its settings and what each step left there. A step's file is complete or absent, so a step
 * that was interrupted is done again and one that was finished is not.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { z } from 'zod'
import { replaceFile } from '../net/checkpoint-files.ts'

export const DEFAULT_PROJECTS = 'runs/voices'

const settingsSchema = z.strictObject({
  /** Name of the voice and of its folder. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, . _ - only'),
  /** Absolute path of the folder of recordings. */
  recordings: z.string(),
  /** BCP 47. */
  language: z.string().min(2),
  /** Whose voice it is, and on what ground it may be used. */
  speaker: z.string().optional(),
  consent: z.string().optional(),
  /** Day on which that was said. */
  consentDate: z.string().optional(),
  licence: z.string().optional(),
})
export type VoiceSettings = z.output<typeof settingsSchema>

export class VoiceProject {
  readonly dir: string

  constructor(name: string, projects: string = DEFAULT_PROJECTS) {
    this.dir = path.resolve(projects, name)
  }

  path(...parts: string[]): string {
    return path.join(this.dir, ...parts)
  }

  get name(): string {
    return path.basename(this.dir)
  }

  /** Throws CORPUS_MISSING when the voice was never begun. */
  get settings(): VoiceSettings {
    const settings = this.savedSettings()
    if (settings) return settings
    throw new SparsewaveError('CORPUS_MISSING', `No voice '${this.name}' was begun in ${path.dirname(this.dir)}.`, {
      remedy: `Begin with \`sparsewave voice check RECORDINGS --name ${this.name}\`.`,
    })
  }

  /** The settings of an earlier call; undefined when there was none. */
  savedSettings(): VoiceSettings | undefined {
    const file = this.path('settings.json')
    if (!existsSync(file)) return undefined
    try {
      return settingsSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    } catch (cause) {
      throw new SparsewaveError('CORPUS_INVALID', `${file} is not valid.`, {
        remedy: 'Correct it, or delete it and begin again.',
        cause,
      })
    }
  }

  /** Throws USAGE when the name is not one that a voice may have. */
  saveSettings(settings: VoiceSettings): void {
    const parsed = settingsSchema.safeParse(settings)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new SparsewaveError('USAGE', `The voice's ${issue!.path.join('.')} is not valid: ${issue!.message}.`)
    }
    this.write('settings.json', JSON.stringify(parsed.data, null, 2))
  }

  write(name: string, text: string): void {
    this.writeBytes(name, Buffer.from(text.endsWith('\n') ? text : `${text}\n`))
  }

  writeBytes(name: string, bytes: Uint8Array): void {
    replaceFile(this.path(name), bytes)
  }

  /** One JSON value a line; empty when there is no such file. */
  readLines<T>(name: string): T[] {
    const file = this.path(name)
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return line === '' ? [] : [JSON.parse(line) as T]
        } catch {
          // The line that a process was writing when it died.
          return []
        }
      })
  }

  writeLines(name: string, values: readonly unknown[]): void {
    this.write(name, values.map((v) => JSON.stringify(v)).join('\n'))
  }
}

/** What a step says while it works. */
export interface StepContext {
  progress(done: number, total: number): void
  readonly signal: AbortSignal
}

/** Lets signals and the progress bar have their turn, and ends the step when it was asked to stop. Throws Interrupted. */
export async function breathe({ signal }: StepContext): Promise<void> {
  await setImmediate()
  if (signal.aborted) throw new Interrupted()
}

/** A step that was asked to stop; what is done stays done. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
    this.name = 'Interrupted'
  }
}
