import { expect, test } from 'vitest'
import { serveTrainingMetrics } from './metrics.ts'

const read = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

test('a run tells its step, losses, sparsity and the time of an update', async () => {
  let now = 1000
  const metrics = await serveTrainingMetrics(0, { host: '127.0.0.1', now: () => now })
  metrics.report({ stage: 'features', done: 3, total: 4 })
  metrics.report({ stage: 'train', done: 1, total: 50, loss: 21, sparsity: 0.875, audioPerSecond: 9 })
  now += 40
  metrics.report({ stage: 'train', done: 2, total: 50, loss: 20.5, sparsity: 0.875, audioPerSecond: 9.5 })
  metrics.report({ stage: 'validation', done: 2, total: 50, loss: 19 })
  now += 60_000
  metrics.report({ stage: 'train', done: 3, total: 50, loss: 20.4, sparsity: 0.875, audioPerSecond: 9.5 })
  const text = await read(metrics.port)
  for (const line of [
    'train_step 3',
    'train_steps 50',
    'train_loss{split="train"} 20.4',
    'train_loss{split="validation"} 19',
    'train_sparsity_ratio 0.875',
    'train_audio_seconds_per_second 9.5',
    // Validation's minute is no update's.
    'train_step_duration_seconds_sum 0.04',
    'train_step_duration_seconds_count 1',
  ])
    expect(text.split('\n')).toContain(line)
  await metrics.stop()
  await expect(read(metrics.port)).rejects.toThrow()
})

test('a port that is taken is refused with a remedy', async () => {
  const first = await serveTrainingMetrics(0, { host: '127.0.0.1' })
  await expect(serveTrainingMetrics(first.port, { host: '127.0.0.1' })).rejects.toMatchObject({
    code: 'USAGE',
    remedy: expect.stringContaining('--metrics-port'),
  })
  await first.stop()
})
