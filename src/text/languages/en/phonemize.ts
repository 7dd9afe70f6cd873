/**
 * One sentence to phonemes in the corpus's symbols. Only symbols of PHONEMES come out, words are parted by single
 * spaces, and every word knows its characters in the sentence and its symbols in the result.
 */

import { assemble, withGiven } from '../../assemble.ts'
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
  const tokens = withGiven<Sounded>(
    normalize(text, pronouncer.dictionary),
    given,
    ({ start, end, phonemes }, replaced) => ({
      kind: 'word',
      text: text.slice(start, end),
      start,
      end,
      spaceBefore: start === 0 || /\s/.test(text[start - 1]!),
      spelled: false,
      hyphenAfter: replaced.at(-1)?.hyphenAfter ?? false,
      sound: phonemes,
    }),
  )
  if (!tokens.some((token) => token.kind === 'word')) return { phonemes: '', words: [] }
  const { sounds, sources } = pronounce(tokens, pronouncer)
  for (const { start, end, emphasis } of given) {
    if (emphasis === undefined) continue
    tokens.forEach((token, i) => {
      if (token.kind !== 'word' || token.start >= end || token.end <= start) return
      sounds[i] = emphasis === 'strong' ? emphasized(sounds[i]!) : demoted(sounds[i]!)
    })
  }
  const pieces = tokens.map((token, i) => ({
    isWord: token.kind === 'word',
    isJoined: i > 0 && isPrefix(tokens[i - 1]!, token),
    start: token.start,
    end: token.end,
    spaceBefore: token.spaceBefore,
    sound: sounds[i]!,
    source: sources[i],
  }))
  return assemble(text, pieces, { glued: '”', closing: '' })
}

/** A token whose sound may be given. */
type Sounded = Token & { readonly sound?: string }

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
