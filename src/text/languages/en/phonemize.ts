/**
 * One sentence to phonemes in the corpus's symbols. Only symbols of PHONEMES come out, words are parted by single
 * spaces, and every word knows its characters in the sentence and its symbols in the result.
 */

import type { GivenSound } from '../../given.ts'
import type { Phonemized, WordSource } from '../../language.ts'
import { CONSONANTS, VOWELS } from '../../phonemes.ts'
import { prefixSound } from './derive.ts'
import { normalize, type Token } from './normalize.ts'
import { type Ahead, Effort, Pronouncer } from './pronounce.ts'
import { demoted, emphasized } from './stress.ts'

export type { Phonemized, PhonemizedWord } from '../../language.ts'

let american: Pronouncer | undefined

/** American English, opened on first use. */
function americanEnglish(): Pronouncer {
  american ??= new Pronouncer()
  return american
}

/**
 * Phonemes of one sentence. Never throws; time is linear in the length. `given` sounds are taken as they are; of two
 * that overlap the first counts.
 */
export function phonemize(
  text: string,
  given: readonly GivenSound[] = [],
  pronouncer: Pronouncer = americanEnglish(),
): Phonemized {
  const tokens = withGiven(text, normalize(text, pronouncer.dictionary), given)
  if (!tokens.some((token) => token.kind === 'word')) return { phonemes: '', words: [] }
  const { sounds, sources } = pronounce(tokens, pronouncer)
  for (const { start, end, emphasis } of given) {
    if (emphasis === undefined) continue
    tokens.forEach((token, i) => {
      if (token.kind !== 'word' || token.start >= end || token.end <= start) return
      sounds[i] = emphasis === 'strong' ? emphasized(sounds[i]!) : demoted(sounds[i]!)
    })
  }
  return assemble(text, tokens, sounds, sources)
}

/** A token whose sound may be given. */
type Sounded = Token & { readonly sound?: string }

/** The tokens with those of each given stretch replaced by one. */
function withGiven(text: string, tokens: readonly Token[], given: readonly GivenSound[]): readonly Sounded[] {
  const sounds = given.filter((g) => g.phonemes !== undefined).sort((a, b) => a.start - b.start)
  if (sounds.length === 0) return tokens
  const out: Sounded[] = []
  let i = 0
  let covered = 0
  for (const { start, end, phonemes } of sounds) {
    if (start < covered) continue
    while (i < tokens.length && tokens[i]!.end <= start) out.push(tokens[i++]!)
    let hyphenAfter = false
    while (i < tokens.length && tokens[i]!.start < end) hyphenAfter = tokens[i++]!.hyphenAfter
    const spaceBefore = start === 0 || /\s/.test(text[start - 1]!)
    const word = text.slice(start, end)
    out.push({ kind: 'word', text: word, start, end, spaceBefore, spelled: false, hyphenAfter, sound: phonemes! })
    covered = end
  }
  return [...out, ...tokens.slice(i)]
}

/** From the last token to the first, since a word's sound may depend on the next one's. */
function pronounce(
  tokens: readonly Sounded[],
  pronouncer: Pronouncer,
): { sounds: string[]; sources: (WordSource | undefined)[] } {
  const small = tokens.map((token) => (token.kind === 'word' ? token.text.toLowerCase() : ''))
  const sounds = new Array<string>(tokens.length)
  const sources = new Array<WordSource | undefined>(tokens.length)
  const effort = new Effort()
  let ahead: Ahead
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i]!
    if (token.kind === 'punctuation') {
      sounds[i] = token.text
      if (',.;:!?—'.includes(token.text)) ahead = undefined
      continue
    }
    const prefix = isPrefix(token, tokens[i + 1])
    const prefixed = prefix ? prefixSound(small[i]!) : undefined
    if (token.sound !== undefined) {
      sounds[i] = token.sound
      sources[i] = 'given'
    } else if (prefixed !== undefined) {
      sounds[i] = prefixed
      sources[i] = 'derived'
    } else {
      const { sound, source } = pronouncer.pronounce(tokens, small, i, ahead, effort)
      sounds[i] = sound
      sources[i] = source
    }
    if (prefix && token.text.length === 1) sounds[i + 1] = demoted(sounds[i + 1]!)
    ahead = firstSound(sounds[i]!) ?? ahead
  }
  return { sounds, sources }
}

function firstSound(sound: string): Ahead {
  for (const symbol of sound) {
    // The article is passed over: the corpus says "to a" as before the word that follows.
    if (symbol === 'ɐ') continue
    if (VOWELS.has(symbol)) return 'vowel'
    if (CONSONANTS.has(symbol)) return 'consonant'
  }
  return undefined
}

/** Prefixes and single letters before a hyphen are one word with what follows: anti-war, re-enter, T-shirt. */
function isPrefix(token: Token, next: Token | undefined): boolean {
  if (!token.hyphenAfter || token.kind !== 'word' || next?.kind !== 'word') return false
  return token.text.length === 1 || JOINED_PREFIXES.has(token.text.toLowerCase())
}
const JOINED_PREFIXES = new Set(
  'anti auto bio co counter de dis inter macro meta micro mid mis mono multi nano neo non poly post pre pro pseudo re semi sub super trans tri ultra un'.split(
    ' ',
  ),
)

/** Strength of a pause: of several marks in a row the strongest is kept. */
const STRENGTH = ',:;—.!?'

function assemble(
  text: string,
  tokens: readonly Token[],
  sounds: readonly string[],
  sources: readonly (WordSource | undefined)[],
): Phonemized {
  const words: (Phonemized['words'][number] & { phonemeEnd: number })[] = []
  const pieces: string[] = []
  let length = 0
  let last = ''
  const add = (piece: string): void => {
    pieces.push(piece)
    length += piece.length
    last = piece[piece.length - 1]!
  }
  tokens.forEach((token, i) => {
    const sound = sounds[i]!
    if (token.kind === 'word') {
      const joined = i > 0 && isPrefix(tokens[i - 1]!, token)
      if (last !== '' && !joined && !'(— '.includes(last) && (last !== '”' || token.spaceBefore)) add(' ')
      const phonemeStart = length
      add(sound)
      const word = words[words.length - 1]
      if (word !== undefined && word.start === token.start && word.end === token.end) word.phonemeEnd = length
      else {
        const { start, end } = token
        const source = sources[i]!
        words.push({ text: text.slice(start, end), start, end, phonemeStart, phonemeEnd: length, source })
      }
      return
    }
    if (STRENGTH.includes(sound)) {
      if (words.length === 0) return
      if (STRENGTH.includes(last)) {
        if (STRENGTH.indexOf(sound) > STRENGTH.indexOf(last)) pieces[pieces.length - 1] = last = sound
        return
      }
    } else if (token.spaceBefore && last !== '' && !' (—'.includes(last)) add(' ')
    add(sound)
  })
  return { phonemes: pieces.join('').trimEnd(), words }
}
