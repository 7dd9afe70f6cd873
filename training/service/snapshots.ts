/** What the validations of a run have left: samples to hear and masks to look at. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { MASKS_FILE, RECORDINGS, SNAPSHOTS } from '../tasks/sparse-wavernn/snapshot.ts'

export interface SnapshotView {
  readonly id: string
  readonly object: 'training.job.validation'
  readonly created_at: number
  readonly step_number: number
  /** Path of the masks. */
  readonly masks: string
  readonly samples: readonly { readonly utterance: string; readonly sample: string; readonly recording: string }[]
}

const WAV = /^[\w-][\w.-]*\.wav$/

/** Newest first. `at`: path of the job in the interface. */
export function snapshotsOf(run: string, at: string): SnapshotView[] {
  const folder = path.join(run, SNAPSHOTS)
  if (!existsSync(folder)) return []
  const updates = readdirSync(folder).filter((name) => /^\d+$/.test(name))
  return updates
    .map(Number)
    .sort((a, b) => b - a)
    .map((update) => {
      const own = path.join(folder, String(update))
      const names = readdirSync(own).filter((name) => WAV.test(name))
      const base = `${at}/validations/step-${update}`
      return {
        id: `step-${update}`,
        object: 'training.job.validation' as const,
        created_at: Math.floor(statSync(own).mtimeMs / 1000),
        step_number: update,
        masks: `${base}/masks`,
        samples: names.map((name) => ({
          utterance: name.slice(0, -4),
          sample: `${base}/samples/${name.slice(0, -4)}`,
          recording: `${at}/recordings/${name.slice(0, -4)}`,
        })),
      }
    })
}

/** A file of the validation `step`, or of the recordings; undefined when there is none. Names are looked up, never joined as given. */
export function snapshotFile(run: string, step: string | undefined, name: string | undefined): string | undefined {
  const update = step === undefined ? RECORDINGS : /^step-(\d{1,12})$/.exec(step)?.[1]
  if (update === undefined) return undefined
  const folder = path.join(run, SNAPSHOTS, update)
  const wanted = name === undefined ? MASKS_FILE : `${name}.wav`
  return existsSync(folder) && readdirSync(folder).includes(wanted) ? path.join(folder, wanted) : undefined
}
