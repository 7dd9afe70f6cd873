/** SSML's prosody and break attributes to factors and seconds (SSML 1.1, sections 3.2.3 and 3.2.4). */
import type { Prosody } from '../sentences.ts'

export const PLAIN: Prosody = { rate: 1, pitch: 1, volume: 1 }

const RATES: Readonly<Record<string, number>> = {
  'x-slow': 0.5,
  slow: 0.75,
  medium: 1,
  default: 1,
  fast: 1.3,
  'x-fast': 1.7,
}
const PITCHES: Readonly<Record<string, number>> = {
  'x-low': 0.75,
  low: 0.88,
  medium: 1,
  default: 1,
  high: 1.14,
  'x-high': 1.33,
}
/** dB. */
const VOLUMES: Readonly<Record<string, number>> = {
  silent: Number.NEGATIVE_INFINITY,
  'x-soft': -12,
  soft: -6,
  medium: 0,
  default: 0,
  loud: 3,
  'x-loud': 6,
}
const MAX_DECIBELS = 6

/** "slow", "80%", "+10%", "0.8"; undefined = none of them. */
export function rateOf(value: string): number | undefined {
  const named = RATES[value]
  if (named !== undefined) return named
  const [, sign, number, unit] = /^([+-]?)(\d+(?:\.\d+)?)(%?)$/.exec(value) ?? []
  if (number === undefined) return undefined
  if (sign !== '') return unit === '%' ? positive(1 + Number(`${sign}${number}`) / 100) : undefined
  return positive(unit === '%' ? Number(number) / 100 : Number(number))
}

/** "high", "+10%", "-2st". */
export function pitchOf(value: string): number | undefined {
  const named = PITCHES[value]
  if (named !== undefined) return named
  const [, number, unit] = /^([+-]\d+(?:\.\d+)?)(%|st)$/.exec(value) ?? []
  if (number === undefined) return undefined
  return positive(unit === 'st' ? 2 ** (Number(number) / 12) : 1 + Number(number) / 100)
}

/** "soft", "-6dB". */
export function volumeOf(value: string): number | undefined {
  const number = /^([+-]?\d+(?:\.\d+)?)dB$/i.exec(value)?.[1]
  const decibels = VOLUMES[value] ?? (number === undefined ? undefined : Number(number))
  return decibels === undefined ? undefined : 10 ** (Math.min(MAX_DECIBELS, decibels) / 20)
}

const positive = (factor: number): number | undefined => (factor > 0 ? factor : undefined)

/** Seconds. */
export const STRENGTHS: Readonly<Record<string, number>> = {
  none: 0,
  'x-weak': 0.1,
  weak: 0.2,
  medium: 0.4,
  strong: 0.8,
  'x-strong': 1.2,
}

/** "500ms", "1.5s" in seconds. */
export function timeOf(value: string): number | undefined {
  const [, number, unit] = /^\+?(\d+(?:\.\d+)?|\.\d+)(ms|s)$/.exec(value) ?? []
  return number === undefined ? undefined : Number(number) / (unit === 'ms' ? 1000 : 1)
}
