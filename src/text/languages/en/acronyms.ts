/** Which words in capitals are read letter by letter. */
import type { Lexicon } from './lexicon.ts'

/** Read as letters though the dictionary has a small word spelled like them. */
const ALWAYS = new Set([
  'IT',
  'US',
  'AM',
  'PM',
  'ID',
  'OS',
  'TV',
  'PC',
  'AI',
  'UK',
  'EU',
  'UN',
  'ER',
  'PR',
  'HR',
  'AC',
  'DC',
  'IDE',
  'TTS',
  'LED',
  'EST',
  'GI',
])

/** `shouting`: the sentence is mostly capitals, so that its words are words. */
export function isSpelled(word: string, shouting: boolean, dictionary: Lexicon): boolean {
  const stem = word.replace(/'?s$/, '')
  if (stem.length < 1 || !/^[A-Z]+$/.test(stem)) return isUnpronounceable(word, dictionary)
  if (word.length === 1) return word !== 'A' && word !== 'I' && word !== 'O'
  if (stem.length === 1) return word !== 'As' && word !== 'Is' && word !== 'Us'
  if (ALWAYS.has(stem) && !shouting) return true
  if (dictionary.get(word) !== undefined) return false
  if (stem !== word && dictionary.get(stem) !== undefined) return false
  const small = dictionary.find(stem.toLowerCase())
  if (small === undefined) return stem.length <= 5 || isUnpronounceable(stem, dictionary)
  return !small.checked && !shouting && stem.length <= 3
}

/** No vowel letter at all: "html", "brb"; words the dictionary knows are not. */
function isUnpronounceable(word: string, dictionary: Lexicon): boolean {
  return word.length < 7 && !/[aeiouy']/i.test(word) && !dictionary.has(word)
}
