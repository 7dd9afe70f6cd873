/** Training over several processes that `mpirun` has started. Without it nothing here is loaded but this file. */
import type { Ranks } from '../net/ranks.ts'

/** What Open MPI's mpirun tells the processes that it starts. */
const SIZE = 'OMPI_COMM_WORLD_SIZE'
const RANK = 'OMPI_COMM_WORLD_RANK'

/** Milliseconds that ranks wait with an error of theirs: where all have the same, the first one alone shall say it, and mpirun ends them. */
const PATIENCE = 5000

/** Milliseconds after which rank 1 looks whether the first one is there to speak. */
const LISTEN = 300

/** Whether mpirun started this process. */
const isRank = (): boolean => process.env[SIZE] !== undefined

/** Whether this process is the one that speaks: rank 0, or the only one. Known before the ranks have met. */
const isFirst = (): boolean => !isRank() || process.env[RANK] === '0'

/** Meets the other ranks. Throws ENGINE_UNAVAILABLE. */
async function meet() {
  const { startMpi } = await import('./mpi.ts')
  const { connectRanks } = await import('./ranks.ts')
  const link = await startMpi()
  const ranks = connectRanks(link)
  const pids = await ranks.gather(
    new Uint8Array(Int32Array.of(process.pid).buffer),
    link.hosts.map(() => 4),
  )
  const first = new Int32Array(pids.buffer)[0]!
  const { rank, hosts } = link
  /** Whether rank 0 can still speak, as far as this one sees. */
  const firstIsThere = () => hosts[0] === hosts[rank] && isAlive(first)
  return { link, ranks, firstIsThere }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * mpirun ends all ranks with SIGTERM, and with SIGKILL soon after, when it is told to stop and when a rank has died. They cannot tell
 * which, and after a death they wait for the dead in vain. So the words are true for both.
 */
const ENDING =
  'This training is told to end. If that is because a rank died, no further checkpoint is written; the newest one is whole. ' +
  'Start it again with --resume, with any number of ranks.'

/** What is said at the start, because a job that mpirun ends may not come to say it. */
function beginning({ size, hosts }: { readonly size: number; readonly hosts: readonly string[] }): string {
  const count = new Set(hosts).size
  const where = `${size} rank${size === 1 ? '' : 's'} on ${count} host${count === 1 ? '' : 's'}`
  const death =
    'When a rank dies the run ends, its newest checkpoint whole: start it again with --resume, with any number of ranks.'
  // npx does not wait for the command when mpirun ends it.
  const npx =
    process.env.npm_command === 'exec'
      ? ' Under npx Ctrl-C leaves no checkpoint; node_modules/.bin/sparsewave does.'
      : ''
  return `Training with ${where}. ${death}${npx}`
}

/**
 * Does `work` with the ranks that mpirun has started, or alone without mpirun. When it throws, this process ends without the others, at
 * which mpirun ends them.
 */
export async function withRanks(work: (ranks: Ranks | undefined) => Promise<void>): Promise<void> {
  if (!isRank()) return work(undefined)
  let met: Awaited<ReturnType<typeof meet>> | undefined
  const say = () => void process.stderr.write(`\n${ENDING}\n`)
  const onTerm = () => {
    if (met?.ranks.rank === 0) say()
    else if (met?.ranks.rank === 1) setTimeout(() => met?.firstIsThere() || say(), LISTEN).unref()
  }
  process.on('SIGTERM', onTerm)
  try {
    met = await meet()
    if (met.ranks.leads) process.stderr.write(`${beginning(met.link)}\n`)
    await work(met.ranks)
    await met.link.finish()
  } catch (error) {
    met?.link.abandon()
    process.off('SIGTERM', onTerm)
    if (!isFirst()) {
      process.once('SIGTERM', () => process.exit(1))
      await new Promise((resolve) => setTimeout(resolve, PATIENCE))
    }
    throw error
  } finally {
    process.off('SIGTERM', onTerm)
  }
}
