// ARPAbet (CMUdict) to our symbols. What a phone becomes in its place is counted over the words that both dictionaries
// have: reduced vowels, taps, syllabic consonants and secondary stress follow our dictionary's habits, not a table's.

/** What each phone may become. The count decides between these and whatever else the shared words show. */
const PLAIN = {
  AA: 'ɑ', AE: 'æ', AH: 'əʌ', AO: 'ɔ', AW: 'W', AY: 'I', EH: 'ɛ', ER: 'ɜə', EY: 'A', IH: 'ɪᵻə', IY: 'i', OW: 'O', OY: 'Y', UH: 'ʊ', UW: 'u',
  B: 'b', CH: 'ʧ', D: 'd', DH: 'ð', F: 'f', G: 'ɡ', HH: 'h', JH: 'ʤ', K: 'k', L: 'l', M: 'm', N: 'n', NG: 'ŋ', P: 'p', R: 'ɹ', S: 's', SH: 'ʃ',
  T: 'tT', TH: 'θ', V: 'v', W: 'w', Y: 'j', Z: 'z', ZH: 'ʒ',
} // biome-ignore format: one table
const VOWEL = /[AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ]$/

/** Units of our notation: a stress mark and its vowel are one. */
export const units = (phonemes) => phonemes.match(/[ˈˌ]?./gu) ?? []

/** For each phone the units it stands for, by least cost; undefined when the two do not fit. */
function align(phones, ours) {
  const [P, U] = [phones.length, ours.length]
  const cost = (phone, unit) => {
    const base = phone.replace(/\d/, '')
    if (PLAIN[base].includes(unit.at(-1))) return 0
    return /\d/.test(phone) === VOWEL.test(unit) ? 1 : 4
  }
  const table = Array.from({ length: P + 1 }, () => new Float64Array(U + 1).fill(Number.POSITIVE_INFINITY))
  const taken = Array.from({ length: P + 1 }, () => new Int8Array(U + 1))
  table[0][0] = 0
  for (let p = 0; p < P; p++)
    for (let u = 0; u <= U; u++) {
      const here = table[p][u]
      if (here === Number.POSITIVE_INFINITY) continue
      const isR = phones[p].startsWith('ER')
      const choices = [
        [0, 3],
        [1, u < U ? cost(phones[p], ours[u]) + (isR ? 1.5 : 0) : 0],
        [2, u + 1 < U ? cost(phones[p], ours[u]) + (isR && ours[u + 1] === 'ɹ' ? 0 : 3) : 0],
      ]
      for (const [size, extra] of choices) {
        if (u + size > U || here + extra >= table[p + 1][u + size]) continue
        table[p + 1][u + size] = here + extra
        taken[p + 1][u + size] = size
      }
    }
  if (!(table[P][U] < 8)) return undefined
  const out = []
  for (let p = P, u = U; p > 0; p--) {
    const size = taken[p][u]
    out.unshift(ours.slice(u - size, u).join(''))
    u -= size
  }
  return out
}

/** Contexts of phone i, the most telling first. */
function contexts(word, phones, i) {
  const at = (k) => phones[k] ?? '#'
  const end = i >= phones.length - 3 ? word.slice(-3) : ''
  const last = i >= phones.length - 3 ? word.slice(-2) : ''
  const primary = phones.findIndex((phone) => phone.endsWith('1'))
  const side = primary < 0 ? '0' : i < primary ? '<' : i > primary ? '>' : '='
  const p = phones[i]
  return [
    `${p}|${at(i - 2)} ${at(i - 1)}_${at(i + 1)} ${at(i + 2)}|${end}${side}`,
    `${p}|${at(i - 1)}_${at(i + 1)} ${at(i + 2)}|${last}${side}`,
    `${p}|${at(i - 2)} ${at(i - 1)}_${at(i + 1)}|${last}${side}`,
    `${p}|${at(i - 1)}_${at(i + 1)}|${last}`,
    `${p}|${at(i - 1)}_${at(i + 1)}`,
    `${p}|_${at(i + 1)}${side}`,
    p,
  ]
}

export class Converter {
  #counts = new Map()

  /** `pairs`: [word, ARPAbet phones, our phonemes]. */
  constructor(pairs) {
    for (const [word, phones, phonemes] of pairs) {
      const aligned = align(phones, units(phonemes))
      if (aligned === undefined) continue
      phones.forEach((_, i) => {
        for (const context of contexts(word, phones, i)) {
          const outcomes = this.#counts.get(context) ?? new Map()
          this.#counts.set(context, outcomes)
          outcomes.set(aligned[i], (outcomes.get(aligned[i]) ?? 0) + 1)
        }
      })
    }
  }

  /** Our phonemes of a word from its phones. */
  convert(word, phones) {
    let out = ''
    phones.forEach((phone, i) => {
      for (const context of contexts(word, phones, i)) {
        const outcomes = this.#counts.get(context)
        if (outcomes === undefined) continue
        const ranked = [...outcomes].sort((a, b) => b[1] - a[1])
        const all = ranked.reduce((sum, [, n]) => sum + n, 0)
        if (all < 3 && context !== phone) continue
        out += ranked[0][0]
        return
      }
    })
    return oneStress(out)
  }
}

/** One primary stress a word: the first marked vowel gets it when none has it. */
function oneStress(phonemes) {
  if (phonemes.includes('ˈ')) return phonemes
  if (phonemes.includes('ˌ')) return phonemes.replace('ˌ', 'ˈ')
  return phonemes.replace(/[AIOWYiuæɑɔəɛɜɪʊʌ]/u, (vowel) => `ˈ${vowel}`)
}

/** Agreement on the first `tested` pairs, a fifth at a time, from the others: [exact, but for stress, but for reduced vowels]. */
export function agreement(pairs, tested, folds = 5) {
  let [exact, sounds, skeleton] = [0, 0, 0]
  const plain = (s) => s.replace(/[ˈˌ]/g, '')
  for (let fold = 0; fold < folds; fold++) {
    const converter = new Converter(pairs.filter((_, i) => i % folds !== fold))
    pairs.forEach(([word, phones, phonemes], i) => {
      if (i % folds !== fold || i >= tested) return
      const said = converter.convert(word, phones)
      exact += said === phonemes
      sounds += plain(said) === plain(phonemes)
      skeleton += similar(said, phonemes)
    })
  }
  return [exact, sounds, skeleton].map((n) => n / tested)
}

/** The same word to a listener: consonants and stressed vowels agree, reduced vowels may differ. */
export const similar = (a, b) => skeletonOf(a) === skeletonOf(b)
const skeletonOf = (phonemes) =>
  units(phonemes)
    .map((unit) => {
      const plain = unit.replace('T', 't').replace('ɐ', 'ə')
      if (plain.startsWith('ˈ')) return plain.replace(/ɑ|ɔ/, 'ɑ')
      if (VOWEL.test(plain)) return /[ᵊəɪᵻʌɐ]/.test(plain) ? '' : plain.at(-1).replace(/ɑ|ɔ/, 'ɑ')
      return plain
    })
    .join('')
