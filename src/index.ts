/**
 * The public face of the library: open a voice, stream speech, encode it, list voices. Everything else under
 * `sparsewave/internal/` belongs to the trainer and changes without notice.
 */
export {
  AUDIO_FORMATS,
  AUDIO_RATES,
  type AudioFormat,
  type AudioOptions,
  type AudioRate,
  audioMediaType,
  encode,
} from './api/encode.ts'
export type { SpeakOptions, SpeechChunk, TextSource } from './api/types.ts'
export { type OpenVoiceOptions, openVoice, type Voice } from './api/voice.ts'
export { listVoices, type VoiceInfo, type VoicesOptions } from './api/voices.ts'
export { type ErrorCode, SparsewaveError } from './errors.ts'
export type { PhonemeTime, SentenceTime, WordTime } from './synthesis/times.ts'
export type { VocoderKind } from './vocoder/vocoder.ts'
