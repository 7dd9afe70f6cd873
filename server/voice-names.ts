/**
 * Names of voices that clients of other services ask for, as kinds of voice: `a` American or `b` British, `f` female or
 * `m` male. A name means the voice of its own kind that is listed for it, or the next best one that is installed.
 */

type Kind = 'af' | 'am' | 'bf' | 'bm'

/** Our voices by kind. A name of the tables below counts its place in the list of its kind round these. */
const OWN: Readonly<Record<Kind, readonly string[]>> = {
  af: ['heart', 'bella', 'sarah', 'kore'],
  am: ['michael', 'fenrir', 'puck'],
  bf: ['emma', 'isabella'],
  bm: ['george', 'fable'],
}

/** What is tried when no voice of a kind is there: the same sex first. */
const NEXT: Readonly<Record<Kind, readonly Kind[]>> = { af: ['bf'], bf: ['af'], am: ['bm'], bm: ['am'] }

type Table = Readonly<Record<Kind, readonly string[]>>

/** OpenAI's names. The older, most used ones come first, so that they get voices of their own. */
const OPENAI: Table = {
  af: ['alloy', 'nova', 'shimmer', 'coral', 'sage', 'marin'],
  am: ['echo', 'onyx', 'ash', 'verse', 'cedar'],
  bf: [],
  bm: ['ballad', 'fable'],
}

/** Deepgram's models aura-NAME-en, aura-2-NAME-en and flux-NAME-en. */
const DEEPGRAM: Table = {
  af: words(`thalia asteria luna stella hera andromeda helena aurora athena cora delia electra harmonia iris juno janus
    minerva ophelia phoebe selene vesta callista cordelia amalthea theia alexis`),
  am: words(
    'orion arcas apollo zeus orpheus perseus aries atlas hermes hyperion jupiter mars neptune odysseus pluto saturn',
  ),
  bf: ['pandora'],
  bm: ['helios', 'draco', 'angus'],
}

/** Ids of ElevenLabs' premade voices. */
const ELEVENLABS: Table = {
  // Rachel, Aria, Sarah, Laura, Jessica, Matilda, Domi, Elli, Emily, River, Nicole, Grace, Freya, Gigi
  af: words(`21m00Tcm4TlvDq8ikWAM 9BWtsMINqrJLrRacOk9x EXAVITQu4vr4xnSDxMaL FGY2WhTYpPnrIDTdsKH5 cgSgspJ2msm6clMCkdW9
    XrExE9yKIg1WjnnlVkGX AZnzlk1XvdvUeBnXmlld MF3mGyEYCl7XYWbV9V6O LcfcDJNUP1GQjkzn1xUU SAz9YHcvj6GT2YYXdXww
    piTKgcLEGmPE4e6mEKli oWAxZDx7w5VEj9dCyTzz jsCqWAovK2LkecY7zXl4 jBpfuIE2acCO8z3wKNLl`),
  // Adam, Brian, Antoni, Josh, Eric, Chris, Will, Liam, Roger, Bill, Michael, Arnold, Sam, Callum, Clyde, Drew, Thomas, Ethan
  am: words(`pNInz6obpgDQGcFmaJgB nPczCjzI2devNBz1zQrb ErXwobaYiN019PkySvjV TxGEqnHWrfWFTfGW9XjX cjVigY5qzO86Huf0OWal
    iP95p4xoKVk53GoZ742B bIHbv24MWmeRgasZH58o TX3LPaxmHKxFdv7VOQHJ CwhRBWXzGAHq8TQ4Fs17 pqHfZKP75CvOlQylNhV4
    flq6f7yk4E4fJM5XTYuZ VR6AewLTigWG4xSOukaG yoZ06aMxZJJ28mfd3POQ N2lVS1w4EtoT3dr4eOWO 2EiwWnXFnvU5JabPnv8n
    29vD33N1CtxCmqQRPOHJ GBv7mTt0atIp3Br8iCZE g5CIjZEefAph4nQFvHAz`),
  // Alice, Lily, Dorothy, Charlotte
  bf: words('Xb7hH8MSUJpSbSDYk0k2 pFZP5JQG7iQjIQuC4Bku ThT5KcBeYPX3keUQqHPh XB0fDUnXU5powFXDhCwa'),
  // George, Daniel, Charlie, Dave, Joseph, Harry
  bm: words(`JBFqnCBsd6RMkjVDRZzb onwK4e9ZLuTAKqWW03F9 IKne3meq5aSn9XLyUdCD CYw3kZ02Hs0563khs1Fj Zlb1dXrM653N07WRdFW3
    SOYHLrjzK2X1ezoPC6cr`),
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** OpenAI's voice names, which all its clients may ask for. */
export const OPENAI_VOICES: readonly string[] = words(
  'alloy ash ballad coral echo fable nova onyx sage shimmer verse marin cedar',
)

/** Our voices that a foreign name may mean, best first. */
const MEANT = new Map<string, readonly string[]>()
for (const table of [OPENAI, DEEPGRAM, ELEVENLABS])
  for (const kind of Object.keys(table) as Kind[])
    for (const [i, name] of table[kind].entries()) MEANT.set(name, ofKind(kind, i))
// Where a name is the same on both sides, so is the voice.
for (const [id, own] of [
  ['EXAVITQu4vr4xnSDxMaL', 'sarah'],
  ['flq6f7yk4E4fJM5XTYuZ', 'michael'],
  ['JBFqnCBsd6RMkjVDRZzb', 'george'],
] as const)
  MEANT.set(id, [own, ...MEANT.get(id)!])

function ofKind(kind: Kind, place: number): string[] {
  const own = OWN[kind]
  const from = place % own.length
  return [...own.slice(from), ...own.slice(0, from), ...NEXT[kind].flatMap((next) => OWN[next])]
}

/**
 * The voices of ours that a foreign name may mean, best first. Empty: any voice will do. Undefined: the name is none that
 * another service is known to have.
 */
export function foreignVoice(name: string): readonly string[] | undefined {
  const known = MEANT.get(name)
  if (known) return known
  const deepgram = /^(?:aura(?:-2)?|flux)-([a-z]+)(?:-[a-z]{2})?$/.exec(name)?.[1]
  if (deepgram !== undefined) return MEANT.get(deepgram) ?? []
  // Kokoro's names, of which several may be mixed: af_bella, bm_george(2)+bm_fable(1).
  const [, kind, own] = /^([ab][fm])_([a-z]+)(?:\(\d*\.?\d*\))?(?:[+-].*)?$/.exec(name) ?? []
  if (kind !== undefined) return [own!, ...ofKind(kind as Kind, 0)]
  // Piper's: en_GB-alan-medium.
  const piper = /^[a-z]{2}_([A-Z]{2})-\w+-(?:x_low|low|medium|high)$/.exec(name)?.[1]
  if (piper !== undefined) return piper === 'GB' ? [...OWN.bf, ...OWN.bm] : []
  // ElevenLabs' ids of voices that somebody made.
  return /^[A-Za-z0-9]{20}$/.test(name) ? [] : undefined
}
