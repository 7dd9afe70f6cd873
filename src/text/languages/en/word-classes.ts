/** Coarse classes of words, by list and by ending: what a homograph's neighbours tell of it. */
const LISTS: Readonly<Record<string, string>> = {
  article: 'a an the',
  determiner:
    'this that these those my your his her its our their whose no any some each every another either neither such which what many much several few all both more most certain one two three four five six seven eight nine ten',
  modal:
    "will would shall should can could may might must cannot can't won't don't didn't doesn't wouldn't couldn't shouldn't do does did let let's please 'll 'd you'll he'll she'll we'll they'll i'll it'll",
  to: 'to',
  subject: 'i you he she it we they who',
  object: 'me him them us himself herself itself themselves myself yourself ourselves',
  be: "am is are was were be been being isn't wasn't aren't weren't i'm you're he's she's it's we're they're",
  have: "have has had having haven't hasn't hadn't i've you've we've they've i'd he'd she'd we'd they'd",
  preposition:
    'of in on at by for from with without into upon under over between among against during after before through about as than toward towards within beyond across along behind below above near off out up down onto',
  conjunction: 'and or but nor so yet because if when while where although though since until unless whereas',
  relative: 'that which who whom whose',
  adverb:
    'not never ever always often also then now still just soon already only even again too very quite rather well',
  possessive: "'s",
}
const CLASSES = new Map(
  Object.entries(LISTS).flatMap(([name, words]) => words.split(' ').map((word) => [word, name] as const)),
)

const ENDINGS: readonly (readonly [RegExp, string])[] = [
  [/'s$|s'$/, 'possessive'],
  [/^[^a-z]/, 'mark'],
  [/.{2}ly$/, 'adverb'],
  [/.{2}ing$/, 'ing'],
  [/.{2}ed$/, 'ed'],
  [/(?:tion|sion|ment|ness|ity|ance|ence|ship|ism|age|ure|dom)$/, 'abstract noun'],
  [/(?:tions|sions|ments|ities|ances|ences|ships|isms|ages|ures)$/, 'abstract nouns'],
  [/(?:ous|ful|ive|able|ible|ical|ic|al|less|ary|ish|ent|ant)$/, 'adjective'],
  [/(?:er|or|ist|ian)$/, 'agent'],
  [/(?:ers|ors|ists|ians)$/, 'agents'],
  [/[^s]s$/, 's'],
]

/** Class of a word in small letters, a mark, or a sentence's end. */
export function wordClass(word: string): string {
  const known = CLASSES.get(word)
  if (known !== undefined) return known
  for (const [pattern, name] of ENDINGS) if (pattern.test(word)) return name
  return 'other'
}
