/**
 * The training commands of `sparsewave`: train, compact, evaluate.
 */
import type { Command } from 'commander'
import { createProgressView } from './jobs/progress.ts'
import { type JobContext, readJob } from './jobs/job.ts'
import { TASKS } from './tasks/index.ts'

export function registerTrainingCommands(program: Command): void {
  program
    .command('train')
    .summary('train a net from a job file')
    .description('Trains what the job file says; Ctrl-C or SIGTERM writes a checkpoint and leaves.')
    .argument('<job.yaml>', 'job file, see training/jobs/')
    .option('--resume', "go on from the run's newest checkpoint", false)
    .option('--minutes <n>', 'stop after so many minutes, with a checkpoint', Number)
    .addHelpText('after', '\nExamples:\n  sparsewave train training/jobs/standard.yaml\n  sparsewave train training/jobs/standard.yaml --resume --minutes 30')
    .action(async (file: string, options: { resume: boolean; minutes?: number }) => {
      const { task, job } = readJob(file, TASKS)
      const stop = new AbortController()
      const view = createProgressView()
      const context: JobContext = {
        resume: options.resume,
        minutes: options.minutes,
        signal: stop.signal,
        report: (p) => view.report(p),
        warn: (message) => process.stderr.write(`\n${message}\n`),
      }
      const leave = () => stop.abort()
      process.once('SIGINT', leave)
      process.once('SIGTERM', leave)
      try {
        await task.run(job, context)
      } finally {
        view.stop()
        process.off('SIGINT', leave)
        process.off('SIGTERM', leave)
      }
    })
}
