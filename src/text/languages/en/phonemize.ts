/**
 * One sentence to phonemes in the corpus's symbols. Only symbols of PHONEMES come out, words are parted by single
 * spaces, and every word knows its characters in the sentence and its symbols in the result.
 */

import type { GivenSound } from '../../given.ts'
import { CONSONANTS, SECONDARY, VOWELS } from '../../phonemes.ts'
import { derive, inflect, prefixSound } from './derive.ts'
import { letterToSound } from './g2p.ts'
import { type Context, isHabitual, isPastRead, isStressedThat, partOfSpeech } from './homographs.ts'
import { type Entry, lexicon } from './lexicon.ts'
import { normalize, type Token } from './normalize.ts'
import { demoted, emphasized, isStressed, joinSpelled, withStress } from './stress.ts'

export interface PhonemizedWord {
  /** As written. */
  readonly text: string
  /** Characters [start, end) of the sentence. */
  readonly start: number
  readonly end: number
  /** Symbols [phonemeStart, phonemeEnd) of the phonemes. */
  readonly phonemeStart: number
  readonly phonemeEnd: number
}

export interface Phonemized {
  /** Symbols of PHONEMES; '' when there is nothing to say. */
  readonly phonemes: string
  /** In order; a number that is read as several words is one. */
  readonly words: readonly PhonemizedWord[]
}

/** What is spoken next: a vowel, a consonant, or (undefined) a pause. */
type Ahead = 'vowel' | 'consonant' | undefined

/**
 * Phonemes of one sentence. Never throws; time is linear in the length. `given` sounds are taken as they are; of two
 * that overlap the first counts.
 */
export function phonemize(text: string, given: readonly GivenSound[] = []): Phonemized {
  const tokens = withGiven(text, normalize(text), given)
  if (!tokens.some((token) => token.kind === 'word')) return { phonemes: '', words: [] }
  const sounds = pronounce(tokens)
  for (const { start, end, emphasis } of given) {
    if (emphasis === undefined) continue
    tokens.forEach((token, i) => {
      if (token.kind !== 'word' || token.start >= end || token.end <= start) return
      sounds[i] = emphasis === 'strong' ? emphasized(sounds[i]!) : demoted(sounds[i]!)
    })
  }
  return assemble(text, tokens, sounds)
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
function pronounce(tokens: readonly Sounded[]): string[] {
  const small = tokens.map((token) => (token.kind === 'word' ? token.text.toLowerCase() : ''))
  const sounds = new Array<string>(tokens.length)
  let ahead: Ahead
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i]!
    if (token.kind === 'punctuation') {
      sounds[i] = token.text
      if (',.;:!?—'.includes(token.text)) ahead = undefined
      continue
    }
    const context: Context = {
      before: small[i - 1] ?? '',
      before2: small[i - 2] ?? '',
      after: small[i + 1] ?? '',
      after2: small[i + 2] ?? '',
    }
    const prefix = isPrefix(token, tokens[i + 1])
    const sound = token.sound ?? (prefix ? prefixSound(small[i]!) : undefined) ?? wordSound(token, context, ahead)
    if (prefix && token.text.length === 1) sounds[i + 1] = demoted(sounds[i + 1]!)
    sounds[i] = sound
    ahead = firstSound(sound) ?? ahead
  }
  return sounds
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

/** Sound of a word in its context, never empty. */
function wordSound(token: Token, context: Context, ahead: Ahead): string {
  const word = token.text
  if (token.spelled) return spell(word)
  return functionWord(word, context, ahead) ?? contentWord(word, context, ahead)
}

/** Words whose sound depends on the next one's. */
function functionWord(word: string, context: Context, ahead: Ahead): string | undefined {
  switch (word) {
    case 'a':
    case 'A':
      return ahead === undefined ? 'ˈA' : 'ɐ'
    case 'an':
    case 'An':
      return 'ɐn'
    case 'the':
    case 'The':
      return ahead === 'vowel' ? 'ði' : 'ðə'
    case 'to':
    case 'To':
      return ahead === undefined ? 'tu' : ahead === 'vowel' ? 'tʊ' : 'tə'
    case 'in':
    case 'In':
      return ahead === undefined || (context.after === 'order' && context.after2 === 'to') ? 'ˈɪn' : 'ɪn'
    case 'am':
      return ahead === undefined ? 'æm' : 'ɐm'
    case 'I':
      return 'ˌI'
    case 'used':
    case 'Used':
      return isHabitual(context) ? 'jˈust' : 'jˈuzd'
    case 'that':
      return isStressedThat(context) ? 'ðˈæt' : 'ðæt'
    case 'That':
      return 'ðˈæt'
    case 'read':
      return isPastRead(context) ? 'ɹˈɛd' : 'ɹˈid'
    case "'s":
      return 'z'
    default:
      return undefined
  }
}

function contentWord(word: string, context: Context, ahead: Ahead): string {
  const known = lookupIn(context, ahead)
  const sound = known(word) ?? capitalsLookup(word, known) ?? unknownWord(word, known)
  return restress(word, sound)
}

/** Capitals carry some stress: a capital first letter at least secondary, all capitals primary. */
function restress(word: string, sound: string): string {
  if (word === word.toLowerCase()) return sound
  if (word.length > 1 && word === word.toUpperCase()) return emphasized(sound)
  return isStressed(sound) ? sound : withStress(sound, SECONDARY)
}

const lookupIn =
  (context: Context, ahead: Ahead) =>
  (word: string): string | undefined => {
    const entry = lexicon().find(word)
    if (entry === undefined) return undefined
    return choose(entry, word.toLowerCase(), context, ahead) || undefined
  }

/** The pronunciation that fits the context. */
function choose(entry: Entry, word: string, context: Context, ahead: Ahead): string {
  const { byTag, phonemes } = entry
  if (Object.keys(byTag).length === 0) return phonemes
  if (ahead === undefined && byTag.None !== undefined) return byTag.None
  const tag = partOfSpeech(word, context)
  return byTag[tag] ?? (tag.startsWith('VB') ? byTag.VERB : undefined) ?? phonemes
}

function capitalsLookup(word: string, known: (word: string) => string | undefined): string | undefined {
  const small = word.toLowerCase()
  return small === word ? undefined : known(small)
}

const LONGEST_WORD = 45

/** A word the dictionary lacks: derived from one it has, in parts, or read from its letters. */
function unknownWord(word: string, known: (word: string) => string | undefined): string {
  // No word is that long; the rules below look at every cut of it.
  if (word.length > LONGEST_WORD) return letterToSound(word) || spell(word)
  const inflected = inflect(word, known)
  if (inflected !== undefined) return inflected
  const parts = camelParts(word)
  if (parts.length > 1) {
    return parts
      .map((part) => (isAllCapitals(part) ? spell(part) : (known(part) ?? unknownWord(part, known))))
      .reduce((sound, next) => sound + (sound.includes('ˈ') ? demoted(next) : next))
  }
  const small = word.toLowerCase()
  const derived = derive(small, known)
  if (derived !== undefined) return derived
  const bare = small.replaceAll("'", '')
  const sound = letterToSound(bare)
  return sound === '' ? spell(bare) : sound
}

const isAllCapitals = (word: string): boolean => word.length > 1 && word === word.toUpperCase()

/** GitHub -> Git, Hub; iPhone -> i, Phone; ordinary words stay whole. */
function camelParts(word: string): string[] {
  if (!/[a-z][A-Z]/.test(word) || /^(?:Mc|Mac|De|Di|Du|La|Le|O')[A-Z]/.test(word)) return [word]
  return word.split(/(?<=[a-z])(?=[A-Z])/)
}

/** Letter by letter: "FBI", "PDFs", "TV's". The last letter carries the stress. */
export function spell(word: string): string {
  const plural = /^[A-Z.]+'?s$/.test(word)
  const letters = [...word.toUpperCase().replace(/'?S$/, (end) => (plural ? '' : end))].filter(
    (c) => c >= 'A' && c <= 'Z',
  )
  const names = letters.map((letter) => (letter === 'A' ? 'ˈA' : lexicon().get(letter)!.phonemes))
  const sound = joinSpelled(names)
  return plural ? `${sound}${/[ptkfθ]$/.test(sound) ? 's' : /[szʃʒʧʤ]$/.test(sound) ? 'ᵻz' : 'z'}` : sound
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

function assemble(text: string, tokens: readonly Token[], sounds: readonly string[]): Phonemized {
  const words: { text: string; start: number; end: number; phonemeStart: number; phonemeEnd: number }[] = []
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
        words.push({ text: text.slice(start, end), start, end, phonemeStart, phonemeEnd: length })
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
