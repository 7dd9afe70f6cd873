export * from './sampling.ts'
export * from './utilities.ts'
