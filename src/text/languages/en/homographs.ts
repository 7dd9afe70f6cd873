/**
 * Part of speech by context, only as far as words of several pronunciations need it: a few words before and after
 * decide. Tags are those of the dictionary's entries.
 */

export interface Context {
  /** Words in small letters; '' where punctuation stands or the sentence begins or ends. */
  readonly before: string
  readonly before2: string
  readonly after: string
  readonly after2: string
}

const set = (text: string): ReadonlySet<string> => new Set(text.split(' '))

const DETERMINERS = set(
  'a an the this that these those my your his her its our their whose no any some each every another either neither such which what many much several few all both more most certain',
)
const MODALS = set(
  "will would shall should can could may might must cannot can't won't don't didn't doesn't wouldn't couldn't shouldn't do does did let let's please",
)
const SUBJECTS = set('i you he she it we they who')
const BE = set("am is are was were be been being isn't wasn't aren't weren't i'm you're he's she's it's we're they're")
const HAVE = set("have has had having haven't hasn't hadn't i've you've we've they've i'd he'd she'd we'd they'd")
const PREPOSITIONS = set(
  'of in on at by for from with without into upon under over between among against during after before through about as than toward towards within beyond',
)
const ADJECTIVES = set(
  'new old good great little long first last second other same own next high low public general special large small full complete free present early late recent political social economic national strong further better best worst final main total annual daily rapid gradual slow steady sharp big huge strict heavy proper'.concat(
    ' different current previous important significant serious major minor only real true whole',
  ),
)
const PARTICIPLE_HELPERS = set('been being was were is are be am got get had has have having')
const ADVERBS = /^(?:.{2,}ly|never|ever|always|often|also|not|then|now|still|just|soon|already)$/
const DEGREES = set('so too very as how quite rather more most less')
const OBJECT_START = set(
  'the a an this that these those my your his her its our their him them me us it you all any some more to',
)

/** The tag of a word that can be a noun, a verb or an adjective; 'NOUN', 'VERB', 'ADJ', 'VBD' or 'VBN'. */
export function partOfSpeech(word: string, context: Context): string {
  const { before, before2, after } = context
  if (before === 'to') return DETERMINERS.has(before2) ? 'NOUN' : 'VERB'
  if (MODALS.has(before)) return 'VERB'
  const plural = word.endsWith('s') && !word.endsWith('ss')
  if (ADVERBS.test(before) && (MODALS.has(before2) || before2 === 'to' || SUBJECTS.has(before2))) return 'VERB'
  if (SUBJECTS.has(before))
    return word.endsWith('ed') ? 'VBD' : before === 'who' || plural || !/^(?:he|she|it)$/.test(before) ? 'VERB' : 'VBD'
  if (BE.has(before)) return word.endsWith('ed') ? 'VBN' : 'ADJ'
  if (DETERMINERS.has(before) || before.endsWith("'s") || before.endsWith("s'")) {
    return isNounLike(after) ? 'ADJ' : 'NOUN'
  }
  if (DEGREES.has(before)) return 'ADJ'
  if (HAVE.has(before) || BE.has(before) || PARTICIPLE_HELPERS.has(before)) return word.endsWith('ed') ? 'VBN' : 'ADJ'
  if (PREPOSITIONS.has(before)) return 'NOUN'
  if (ADJECTIVES.has(before) || /(?:ous|ful|ive|able|ible|ical|ic|al|less|ary|ish)$/.test(before)) return 'NOUN'
  if (before === '' && OBJECT_START.has(after)) return 'VERB'
  if (before === 'and' || before === 'or' || before === ',') return OBJECT_START.has(after) ? 'VERB' : 'NOUN'
  if (OBJECT_START.has(after) && after !== 'to' && !plural) return 'VERB'
  if (plural && OBJECT_START.has(after) && after !== 'to') return 'VERB'
  return 'NOUN'
}

const isNounLike = (word: string): boolean =>
  /^[a-z]{3,}$/.test(word) &&
  !PREPOSITIONS.has(word) &&
  !MODALS.has(word) &&
  !BE.has(word) &&
  !HAVE.has(word) &&
  !/^(?:and|or|but|to|that|which|who|when|where|while|if|it|he|she|they|we|you)$/.test(word)

/** "used to" as a habit: "used to go", "is used to it"; not "is used to make". */
export function isHabitual(context: Context): boolean {
  if (context.after !== 'to') return false
  const helper = ADVERBS.test(context.before) ? context.before2 : context.before
  if (HAVE.has(helper)) return false
  if (!BE.has(helper) && !/^(?:get|gets|got|getting|become|became)$/.test(helper)) return true
  return OBJECT_START.has(context.after2) || context.after2.endsWith('ing')
}

const CONJUNCT_SUBJECT = set('he she they it we you i his were are')

/** The demonstrative "that" (and many relative ones) is stressed, the conjunction before a subject is not. */
export function isStressedThat(context: Context): boolean {
  if (context.before === 'so') return false
  return !CONJUNCT_SUBJECT.has(context.after) || context.before === 'fact'
}
