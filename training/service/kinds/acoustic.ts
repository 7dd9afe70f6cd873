/** `acoustic`: trains an acoustic model. Its result is the graph that a voice package holds, without sharpening. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { exportAcoustic } from '../../tasks/acoustic/export.ts'
import type { JobKind } from './kind.ts'
import { LOG, RUN, trainingJob } from './training.ts'

export const acoustic: JobKind = {
  name: 'acoustic',
  says: 'Trains an acoustic model on recordings with phonemes and durations. `job` has the keys of `task: acoustic`. `from` names a job or a voice.',
  needsFile: true,
  run: RUN,
  log: () => LOG,
  prepare: (job, place) => trainingJob('acoustic', job, place, { starts: ['from'] }),
  result(folder) {
    const graph = path.join(folder, 'acoustic.onnx')
    try {
      const { symbols } = exportAcoustic(path.join(folder, RUN), graph)
      const log = path.join(folder, LOG)
      return [
        { name: 'acoustic.onnx', bytes: readFileSync(graph) },
        { name: 'symbols.json', bytes: Buffer.from(JSON.stringify(symbols)) },
        ...(existsSync(log) ? [{ name: 'log.jsonl', bytes: readFileSync(log) }] : []),
      ]
    } finally {
      rmSync(graph, { force: true })
    }
  },
}
