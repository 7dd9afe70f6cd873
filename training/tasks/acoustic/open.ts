/** What acoustic training, export and evaluation start from: a run, a checkpoint file or a shipped voice. */
import { openFrom } from '../../net/checkpoint-files.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import { acousticOfVoice } from './from-voice.ts'

/** The newest checkpoint of a run folder, the given file, or what the voice in a folder holds. Throws CHECKPOINT_INVALID, VOICE_*. */
export const openCheckpoint = (file: string): Checkpoint =>
  openFrom(file, readCheckpoint, acousticOfVoice, 'checkpoint of an acoustic model')
