/** Telephone numbers of any country, and numbers that are codes because a word before them says so. */
import { cardinal, spellDigits, year } from '../numbers.ts'
import { nameNumber, type Place, type Rule, readGroups, rule, textAfter, textBefore } from './rule.ts'

/** Toll-free prefixes are read as hundreds. */
const group = (digits: string): string[] =>
  /^[89]00$/.test(digits) ? [...cardinal(digits[0]!), 'hundred'] : spellDigits(digits)
const withTollFree = (groups: readonly string[]): string[] =>
  groups.flatMap((digits, i) => [
    ...(i > 0 ? [','] : []),
    ...(i < 2 && groups.length > 2 ? group(digits) : spellDigits(digits)),
  ])

const PHONE_CUE =
  /\b(?:tel|phone|telephone|call|fax|mobile|cell|text|whatsapp|dial|ring|hotline|number|contact)(?:\s(?:number|no\.?|us|me|him|her|at|on|is|us at|me at|now))*\.?:?\s*$/i

export const PHONE_SIGN_RULES: readonly Rule[] = [
  rule(
    'telephone',
    String.raw`(?:\+(\d{1,3})[ .-]?)?\((\d{2,5})\)[ .-]?(\d{2,4})(?:[ .-](\d{2,4}))?(?:[ .-](\d{2,4}))?(?![\d-])`,
    (m) => [...(m[1] ? ['plus'] : []), ...readGroups(m.slice(1).filter((digits) => digits !== undefined))],
  ),
  rule('international telephone', String.raw`\+\d{1,3}(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,8}){1,7}(?!\d)`, (m) => {
    const groups = m[0]
      .slice(1)
      .split(/[ .()-]+/)
      .filter((digits) => digits !== '')
    return groups.join('').length < 7 ? undefined : ['plus', ...readGroups(groups)]
  }),
]

export const PHONE_DIGIT_RULES: readonly Rule[] = [
  rule('Australian telephone', String.raw`(1[38]00)[ -](\d{3})[ -](\d{3})(?![\d-])`, (m) =>
    readGroups([m[1]!, m[2]!, m[3]!]),
  ),
  rule('telephone with words', String.raw`(?:(1)-)?([2-9]\d\d)-([A-Z]{2,}(?:-[A-Z]{2,}){0,3})(?![A-Za-z\d])`, (m) => [
    ...(m[1] ? ['one', ','] : []),
    ...group(m[2]!),
    ',',
    ...m[3]!
      .toLowerCase()
      .split('-')
      .flatMap((word, i) => (i > 0 ? [',', word] : [word])),
  ]),
  rule('telephone', String.raw`(?:(\d{1,3})[ .-])?(\d{3})([ .-])(\d{3})\3(\d{4})(?![\d-])`, (m) =>
    withTollFree([m[1], m[2], m[4], m[5]].filter((digits) => digits !== undefined)),
  ),
  rule('national telephone', String.raw`0\d{1,4}(?:[ -]\d{2,8}){1,4}(?![\d-])`, (m) => {
    const groups = m[0].split(/[ -]/)
    const size = groups.join('').length
    return size < 8 || size > 12 ? undefined : readGroups(groups)
  }),
  rule('telephone after its cue', String.raw`\d{2,5}(?:[ .-]\d{2,5}){1,4}(?![\d-])`, (m, place) => {
    const groups = m[0].split(/[ .-]/)
    return groups.join('').length > 5 && PHONE_CUE.test(textBefore(place)) ? readGroups(groups) : undefined
  }),
  rule('short telephone', String.raw`(\d{3})-(\d{4})(?![\d-])`, (m, place) =>
    /\b(?:case|flight|model|in)\s$/i.test(textBefore(place)) ? undefined : readGroups([m[1]!, m[2]!]),
  ),
  rule('emergency number', String.raw`(911|999|112|988|311|411|211|101|111|000)(?![\d,.:/-]\d|\d|%)`, (m, place) => {
    const before = textBefore(place)
    const called =
      /\b(?:call(?:ed|ing|s)?|dial(?:l?ed|l?ing|s)?|phon(?:e|ed|ing)|ring|rang|text(?:ed)?)(?:\s(?:to|the))?\s$/i.test(
        before,
      ) || /\bemergenc(?:y|ies)\b[^.\d]{0,9}$|\b(?:911|999|112)\b[^.\d]{0,12}$/i.test(before)
    const calls = /^\s(?:calls?|operators?|dispatch(?:er|ers)?|emergenc(?:y|ies)|callers?|hotline)\b/i.test(
      textAfter(place),
    )
    return called || calls ? spellDigits(m[1]!) : undefined
  }),
]

/** Letters and digits in turn, one by one. */
const readMixed = (code: string): string[] =>
  [...code].flatMap((c) => (/\d/.test(c) ? spellDigits(c) : [`~${c.toUpperCase()}`]))

/** A code of letters and digits in turn: at least three runs, all capitals or all hexadecimal. */
const MIXED = String.raw`(?=[A-Za-z]*\d)(?=\d*[A-Za-z])([A-Za-z0-9]{6,40})(?![A-Za-z0-9]|-\d)`
const isMixedCode = (code: string): boolean =>
  (code.match(/\d+|[A-Za-z]+/g) ?? []).length > 2 &&
  (/^[A-Z\d]+$/.test(code) || (/^[a-f\d]+$/.test(code) && code.length > 6)) &&
  !/[A-Z]{5}|\d[xX]\d/.test(code) &&
  !/^\d+[A-Z]{1,3}\d?$/.test(code)

const startsToken = (place: Place): boolean => !/[A-Za-z\d.]/.test(place.text[place.start - 1] ?? '')

export const CODE_LETTER_RULES: readonly Rule[] = [
  rule('code of letters and digits', MIXED, (m, place) =>
    startsToken(place) && isMixedCode(m[1]!) ? readMixed(m[1]!) : undefined,
  ),
  rule('names with odd capitals', '(SpO2|HbA1c|PaO2|PaCO2)(?![A-Za-z\\d])', (m) => readMixed(m[1]!)),
]

const STATES =
  'AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|PR'
const STATE_CUE = new RegExp(`(?:^|[\\s,])(?:${STATES})\\s$`)
/** Nouns whose number is always spelled, and those whose number is when it has four digits or more. */
const CODE_CUE =
  /\b(?:zip(?:\s?code)?|postcode|postal code|code|pin|passcode|password|otp|combination|extension|ext|account|acct|routing|serial|iban|ssn|voucher|cvv|cvc|sort code|a\/c)\.?(?:\s(?:number|num|no\.?|code|is|was|of|ending in|#))*\s?[:#=]?\s*#?\s*$/i
const LONG_CODE_CUE =
  /\b(?:order|confirmation|reference|ref|tracking|invoice|ticket|case|customer|member(?:ship)?|policy|licen[cs]e|id|phone|card|booking|badge|employee|registration|reservation|transaction|claim|receipt|model|part|item|report)\.?(?:\s(?:number|num|no\.?|code|id|is|was|#|number:))*\s?[:#=]?\s*#?\s*$/i
const NAME_CUE =
  /\b(?:flight|room|rm\.?|suite|ste\.?|highway|hwy\.?|route|interstate|gate|apartment|apt\.?|unit|bus|train|channel|boeing|airbus|studio|locker|building|platoon|section|form|mazda|peugeot|porsche|ferrari|bmw|exit|area)\s#?$/i

const STREET =
  /^(?:[ -](?:[NSEW]\.?|North|South|East|West))?(?: (?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))){1,3}\.?,? ?(?<=\b(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Way|Terrace|Square|Sq|Highway|Hwy|Parkway|Pkwy|Circle|Broadway|Row|Crescent|Close|Gardens|Mews)\b\.?,? ?)/

const isHouse = (place: Place): boolean => STREET.test(textAfter(place))

export const CODE_RULES: readonly Rule[] = [
  rule('hardware address', '(?:[0-9A-Fa-f]{2}:){3,7}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])', (m) =>
    m[0].split(':').flatMap((part, i) => [...(i > 0 ? [','] : []), ...readMixed(part)]),
  ),
  rule('hexadecimal', '0x([0-9a-fA-F]{1,16})(?![A-Za-z0-9])', (m) => ['zero', '~X', ...readMixed(m[1]!)]),
  rule('code of letters and digits', MIXED, (m, place) =>
    startsToken(place) && isMixedCode(m[1]!) ? readMixed(m[1]!) : undefined,
  ),
  rule('last digits of a card', String.raw`\d{2,6}(?![\d-]|[.,:/]\d|%)`, (m, place) =>
    /\b(?:end(?:ing|s|ed)?|last (?:four|4)(?: digits)?)\s(?:in|with|are|is|of)\s(?:[xX*.]{1,12}\s?)?$/i.test(
      textBefore(place),
    ) &&
    /\b(?:card|visa|mastercard|amex|debit|credit|account|acct|phone|number|checking|savings|digits|payment)\b/i.test(
      textBefore(place),
    )
      ? spellDigits(m[0])
      : undefined,
  ),
  rule('short number of a message', String.raw`\d{4,6}(?![\d-]|[.,:/]\d|%)`, (m, place) =>
    /\b(?:text|sms|send)\s["'“]?[A-Za-z]{2,12}["'”]?\sto\s$/i.test(textBefore(place)) ? spellDigits(m[0]) : undefined,
  ),
  rule('answer of a server', String.raw`([1-5])(\d\d)(?![\d,.:/%-]\d|\d|[A-Za-z])`, (m, place) =>
    /\bHTTP(?:\/\d(?:\.\d)?)?"?\s(?:status\s|error\s|code\s)*$/.test(textBefore(place)) ? nameNumber(m[0]) : undefined,
  ),
  rule('state and zip', String.raw`(\d{5})(?:-(\d{4}))?(?!\d)`, (m, place) =>
    STATE_CUE.test(textBefore(place)) ? readGroups([m[1]!, ...(m[2] ? [m[2]] : [])]) : undefined,
  ),
  rule('code after its cue', String.raw`\d{2,20}(?:[- ]\d{2,20}){0,6}(?![\d-]|[.,:/]\d|%)`, (m, place) => {
    const before = textBefore(place)
    const isCode = CODE_CUE.test(before) && m[0].length > 2
    const isLong = LONG_CODE_CUE.test(before) && m[0].replace(/\D/g, '').length > 3
    if (!isCode && !isLong) return undefined
    // A year of a case is a year: "case 2024-118".
    const [first, ...rest] = m[0].split(/[- ]/)
    if (/\bcase\b/i.test(before) && rest.length > 0 && /^(?:19|20)\d\d$/.test(first!))
      return [...year(first!), ',', ...readGroups(rest)]
    return readGroups(m[0].split(/[- ]/))
  }),
  rule('number with a letter', String.raw`(\d{1,4})([A-Z])(?![A-Za-z\d])`, (m, place) =>
    isHouse(place) ||
    NAME_CUE.test(textBefore(place)) ||
    /\b(?:seat|row|flat|door|no\.?|number|grade|class|block)\s$/i.test(textBefore(place))
      ? [...nameNumber(m[1]!), `~${m[2]}`]
      : undefined,
  ),
  rule('house or room', String.raw`(\d{3,4})(?![\d,.:/%]\d|\d|[A-Za-z])`, (m, place) =>
    NAME_CUE.test(textBefore(place)) || /\b(?:I|US|SR|CA|TX|FL|NY)-$/.test(textBefore(place)) || isHouse(place)
      ? nameNumber(m[1]!)
      : undefined,
  ),
  rule('number of a docket', String.raw`(\d{1,3})-(\d{3,5})(?![\d-])`, (m, place) =>
    /\bNo\. ?$/.test(textBefore(place)) ? [...nameNumber(m[1]!), ',', ...nameNumber(m[2]!)] : undefined,
  ),
  rule('flat and house', String.raw`(\d{1,4})-(\d{2,5})(?![\d-])`, (m, place) =>
    /#$/.test(textBefore(place)) ? [...nameNumber(m[1]!), ',', ...nameNumber(m[2]!)] : undefined,
  ),
  rule('number of a plan', String.raw`(40[13]|457|529|501)\(([a-z])\)(?:\((\d{1,2})\))?`, (m) => [
    ...nameNumber(m[1]!),
    `~${m[2]!.toUpperCase()}`,
    ...(m[3] ? cardinal(m[3]) : []),
  ]),
  rule('picture size', String.raw`(\d{3,5})\s?[x×]\s?(\d{3,5})(?![A-Za-z\d])`, (m) => [
    ...nameNumber(m[1]!),
    'by',
    ...nameNumber(m[2]!),
  ]),
  rule('picture height', String.raw`(360|480|720|1080|1440|2160)([pi])(?![A-Za-z\d])`, (m) => [
    ...nameNumber(m[1]!),
    `~${m[2]!.toUpperCase()}`,
  ]),
]
