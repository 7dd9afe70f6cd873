/** The link over Open MPI, by the trainer's own addon (mpi.cpp). No other file touches it. */
import { bytesOf } from 'sparsewave/internal/arrays'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { tryAddon } from 'sparsewave/internal/native-addon'
import { TRAINING_ROOT } from '../root.ts'
import type { Link } from './link.ts'

interface RanksAddon {
  start(): Promise<{ readonly rank: number; readonly size: number; readonly hosts: readonly string[] }>
  exchange(peers: Int32Array, send: readonly Uint8Array[], receive: readonly Uint8Array[]): Promise<void>
  finish(): Promise<void>
  abandon(): void
}

export interface MpiLink extends Link {
  /** Leaves with all others. */
  finish(): Promise<void>
  /** Waits for nobody any more. The process must then end with an error, at which mpirun ends the others. */
  abandon(): void
}

/** Joins the other ranks that mpirun has started. Throws ENGINE_UNAVAILABLE. */
export async function startMpi(): Promise<MpiLink> {
  const { addon, error: cause } = tryAddon<RanksAddon>('ranks', TRAINING_ROOT)
  if (!addon) {
    throw new SparsewaveError('ENGINE_UNAVAILABLE', 'The part of the trainer that speaks MPI is not built.', {
      remedy: 'Install openmpi-bin and libopenmpi-dev (Debian) and run `npm run build`, or train without mpirun.',
      cause,
    })
  }
  const { rank, size, hosts } = await addon.start().catch((cause: Error) => {
    throw new SparsewaveError('ENGINE_UNAVAILABLE', `MPI does not start: ${cause.message}.`, {
      remedy: 'Start the command with the mpirun of the Open MPI that the trainer was built with.',
      cause,
    })
  })
  return {
    rank,
    size,
    hosts,
    async exchange(messages) {
      try {
        await addon.exchange(
          Int32Array.from(messages, ({ peer }) => peer),
          messages.map(({ send }) => bytesOf(send)),
          messages.map(({ receive }) => bytesOf(receive)),
        )
      } catch (cause) {
        throw new SparsewaveError('RANK_LOST', `Rank ${rank} lost another one: ${(cause as Error).message}.`, { cause })
      }
    },
    finish: () => addon.finish(),
    abandon: () => addon.abandon(),
  }
}
