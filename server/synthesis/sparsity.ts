/** How sparse a vocoder is. */
import { keptWeights, type NetConfig } from '../../src/vocoder/sparse-wavernn/config.ts'

const DENSE = { reset: 1, update: 1, candidate: 1, input: 1, head: 1 }

/** Share of the weights in masked matrices that are zero, 0-1. */
export const sparsityOf = (net: NetConfig): number => 1 - keptWeights(net) / keptWeights({ ...net, density: DENSE })
