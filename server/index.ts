/** The server. */
export { createApp } from './app.ts'
export { type Config, configSchema, readConfig } from './config.ts'
export { createLogger, standardOutput } from './log.ts'
export { LogStream } from './log-stream.ts'
export { type RunningServer, startServer } from './start.ts'
export { spawnWorker } from './synthesis/spawn.ts'
export { VOICE_ALIASES, type VoiceCatalogue, type VoiceInfo } from './voices.ts'
