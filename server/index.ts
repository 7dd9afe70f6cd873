/** The public face of `sparsewave/server`. What the server itself is made of stays behind it. */
export {
  createSpeechRouter,
  type ListenOptions,
  type SpeechRouter,
  type SpeechServer,
  type SpeechServerOptions,
  startSpeechServer,
  type UpgradeSource,
} from './mount.ts'
