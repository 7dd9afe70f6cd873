/** Training over HTTP, as the command line starts it. */
import type { HttpExtension } from 'sparsewave/internal/extension'
import { openJobQueue } from '../queue/job-queue.ts'
import { createTrainingService } from './service.ts'
import { readSettings } from './settings.ts'

export { createTrainingService, type TrainingService } from './service.ts'
export { readSettings, type Settings } from './settings.ts'

/** The extension with the settings of the environment. Throws USAGE, DISK_FULL, QUEUE_UNAVAILABLE. */
export async function trainingExtension(log: (line: string) => void): Promise<HttpExtension> {
  const settings = readSettings()
  const queue = await openJobQueue(settings.queue)
  try {
    return await createTrainingService({ settings, queue, log })
  } catch (error) {
    await queue.close()
    throw error
  }
}
