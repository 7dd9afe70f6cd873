/** What vocoder training, export and evaluation start from: a run, a checkpoint file or a shipped voice. */
import { existsSync } from 'node:fs'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { openFrom } from '../../net/checkpoint-files.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import { checkpointOfVoice } from './from-voice.ts'

/** The newest checkpoint of a run folder, the given file, or what the voice in a folder holds. Throws CHECKPOINT_INVALID, WEIGHTS_INVALID, VOICE_*. */
export function openCheckpoint(file: string): Checkpoint {
  if (!existsSync(file)) throw new SparsewaveError('CHECKPOINT_INVALID', `There is no checkpoint ${file}.`)
  return openFrom(file, readCheckpoint, checkpointOfVoice, 'checkpoint')
}
