export * from './guided.ts'
export * from './pure.ts'
export * from './sampling.ts'
export * from './utilities.ts'
