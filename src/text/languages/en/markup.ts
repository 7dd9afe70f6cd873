/**
 * Markdown, HTML and character entities in a sentence, taken out so that positions stay: what is not read becomes
 * blanks or characters of no width, as many as it had. Time is linear in the length.
 */

/** Of no width: what it stands between stays one word. */
const NOTHING = '\u2060'
const nothing = (text: string): string => NOTHING.repeat(text.length)
const blank = (text: string): string => ' '.repeat(text.length)

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ensp: ' ',
  emsp: ' ',
  thinsp: ' ',
  shy: NOTHING,
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  minus: '−',
  frac12: '½',
  frac14: '¼',
  frac34: '¾',
  copy: '©',
  reg: '®',
  trade: '™',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  sect: '§',
  para: '¶',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  uuml: 'ü',
  ouml: 'ö',
  auml: 'ä',
  szlig: 'ß',
  ntilde: 'ñ',
  ccedil: 'ç',
  le: '≤',
  ge: '≥',
  ne: '≠',
  rarr: '→',
}

const TAGS =
  'a|abbr|b|big|blockquote|body|br|button|center|cite|code|del|details|div|em|font|footer|form|h[1-6]|head|header|hr|html|i|img|input|ins|kbd|label|li|main|mark|nav|ol|option|p|pre|q|s|samp|section|select|small|span|strike|strong|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|var|video'

type Step = readonly [RegExp, (match: string, ...groups: string[]) => string]

/** Pictures and links: what they say, not where they lead. */
const LINKS = [
  /(!?\[)([^[\]\n]{0,300})(\](?:\([^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,100})?(?:\s"[^"\n]{0,200}")?\)|\[[^[\]\n]{0,100}\]))/g,
  (_, open, text, rest) => nothing(open) + text + nothing(rest),
] as const satisfies Step

/** What is taken out, in order. Each keeps the length. */
const STEPS: readonly Step[] = [
  [/<!--[^<>]{0,500}-->/g, blank],
  [/<(script|style)(?:\s[^<>]{0,300})?>[^<]{0,4000}<\/\1\s?>/gi, blank],
  // Addresses between angle brackets stay.
  [/<(https?:\/\/[^\s<>]{1,500}|[\w.+-]{1,64}@[\w.-]{1,100})>/g, (_, address) => ` ${address} `],
  [
    new RegExp(`</?(?:${TAGS})(?:\\s[^<>]{0,300})?/?>`, 'gi'),
    (match) =>
      /^<\/?(?:b|i|em|strong|u|s|span|a|font|small|mark|sub|sup|code|kbd)\b/i.test(match)
        ? nothing(match)
        : blank(match),
  ],
  [
    // Twice escaped ones too.
    /&(?:amp;)?(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}\d{0,2}));/gi,
    (match, decimal, hexadecimal, name) => {
      const code = decimal ? Number(decimal) : hexadecimal ? Number.parseInt(hexadecimal, 16) : 0
      const character =
        code > 0 && code < 0x110000
          ? String.fromCodePoint(code)
          : (ENTITIES[name ?? ''] ?? ENTITIES[(name ?? '').toLowerCase()])
      return character === undefined ? match : character + nothing(match.slice(character.length))
    },
  ],
  // Fences of code with their language, rules, underlines of headings.
  [/(^|\n)([^\S\n]{0,8}(?:```|~~~)[\w+#.-]{0,20})(?=[^\S\n]{0,8}(?:\n|$))/g, (_, start, fence) => start + blank(fence)],
  [/(^|\n)([^\S\n]{0,8}(?:[-*_=][^\S\n]?){3,100})(?=\n|$)/g, (_, start, line) => start + blank(line)],
  // Quotes, headings, bullets and boxes to tick at a line's start.
  [/(^|\n)([^\S\n]{0,8}(?:>[^\S\n]?){1,5})(?![=\s]|[-–]?\.?\d)/g, (_, start, marks) => start + blank(marks)],
  [/(^|\n)([^\S\n]{0,8}#{1,6}(?=\s))/g, (_, start, marks) => start + blank(marks)],
  [/(^|\n)([^\S\n]{0,8}[-*+•‣◦▪·](?=\s))/g, (_, start, marks) => start + blank(marks)],
  [/(^|\n)([^\S\n]{0,8}(?:\d{1,3}[.)])?[^\S\n]{0,8}\[[ xX✓]\](?=\s))/g, (_, start, marks) => start + blank(marks)],
  [/([^\S\n]#{1,6}[^\S\n]{0,8})(?=\n|$)/g, blank],
  // "1)" and "(a)" before an item are its number, and a pause.
  [
    /(^|\n)([^\S\n]{0,8})(\(?)(\d{1,2}|[a-zA-Z]|[ivx]{2,5})\)(?=\s{1,8}(?!\d))/g,
    (_, start, space, open, number) => `${start}${space}${blank(open)}${number},`,
  ],
  // Notes are passed over.
  [/\[\^[\w-]{1,20}\]:?/g, nothing],
  // Where a reference leads: a line of its own.
  [
    /(^|\n)([^\S\n]{0,3}\[[^[\]\n]{1,60}\]:[^\S\n]{1,4}<?(?:https?:|www\.|[./#])[^\n]{0,500})/g,
    (_, start, line) => start + blank(line),
  ],
  LINKS,
  // A picture may itself be a link.
  LINKS,
  [/(==)(?=[^\s=])([^=\n]{1,300}?)(?<=\S)==(?!=)/g, (_, marks, text) => nothing(marks) + text + nothing(marks)],
  // Mathematics between dollar signs.
  [/(?<![\w$])\$(?=[^\s\d$])([^$\n]{1,200}?)(?<=\S)\$(?![\w$])/g, (_, text) => NOTHING + text + NOTHING],
  // Code between back quotes, strong and emphatic text, what is struck out.
  [/(`{1,2})([^`\n]{1,300})\1/g, (_, quote, code) => nothing(quote) + code + nothing(quote)],
  [
    /(\*{1,3}|~~)(?=\S)([^*~\n]{1,500}?)(?<=\S)\1/g,
    (match, marks, text) => (/^\d+$/.test(text) && marks === '*' ? match : nothing(marks) + text + nothing(marks)),
  ],
  [
    /(?<![\w])(_{1,3})(?=\S)([^_\n]{1,500}?)(?<=\S)\1(?![\w])/g,
    (_, marks, text) => nothing(marks) + text + nothing(marks),
  ],
  [/:[a-z][a-z0-9_+-]{2,30}:(?!\d)/g, blank],
]

/** Any of the characters that markup begins with; most sentences have none. */
const MAYBE_MARKUP = /[<&`*_#>[|~=:•‣◦▪·+)]|(?:^|\n)[^\S\n]{0,8}-/

/** A sentence without its markup, as long as it was. */
export function withoutMarkup(sentence: string): string {
  if (!MAYBE_MARKUP.test(sentence)) return sentence
  let text = sentence
  for (const [pattern, replacement] of STEPS) text = text.replace(pattern, replacement)
  text = text.replace(
    /(^|\n)([^\S\n]{0,8}:?-{2,100}:?(?:[^\S\n]?\|[^\S\n]?:?-{2,100}:?){1,30}[^\S\n]{0,8})(?=\n|$)/g,
    (_, start: string, rule: string) => start + blank(rule),
  )
  // The bars of a table's row are pauses.
  if (/(?:^|\n)[^\S\n]{0,8}\||\|[^|\n]{0,200}\|/.test(text)) {
    text = text.replace(/^[^\S\n]{0,8}\||\|[^\S\n]{0,8}$/gm, blank).replace(/\|/g, ',')
    text = text.replace(/(^|,)([\s:-]{3,100})(?=,|$)/g, (_, start: string, rule: string) => start + blank(rule))
  }
  return text.replace(/ \| /g, ' , ')
}
