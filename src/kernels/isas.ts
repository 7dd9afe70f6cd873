/** The instruction sets that native code is compiled for, fastest first: the names of native/shared/isas.h. A CPU has some of them. */
export const ISAS = ['avx512', 'avx2', 'neon', 'baseline'] as const
export type Isa = (typeof ISAS)[number]
