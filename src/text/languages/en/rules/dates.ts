/** Dates, days, decades and times of day, in the orders and cases people write. */
import { cardinal, ordinal, pluralWord, spellDigits, year } from '../numbers.ts'
import { MONTHS, monthNumber, WEEKDAYS } from '../tables.ts'
import { isOne, type Place, pair, type Reading, type Rule, readNumber, rule, textAfter, textBefore } from './rule.ts'

const halfDay = (letter: string | undefined): string[] => (letter ? [`~${letter.toUpperCase()}M`] : [])

/** Where a match that ends in the full stop of a.m. or p.m. ends, so that a sentence's last full stop is kept. */
const consumed = (match: RegExpExecArray, place: Place, read: string[]): Reading =>
  match[0].endsWith('.') &&
  /^["')\]”\s]*$/.test(textAfter(place)) &&
  place.text.length < place.end + textAfter(place).length + 1
    ? { words: read, end: place.end - 1 }
    : read

const readYear = (digits: string): string[] => (digits.length === 2 ? pair(digits) : year(digits))

function readDate(month: number, day: string, yearDigits: string | undefined, monthFirst = true): string[] | undefined {
  if (month < 1 || month > 12 || Number(day) < 1 || Number(day) > 31) return undefined
  const name = MONTHS[month - 1]!
  const date = monthFirst ? [name, ...ordinal(day)] : ['the', ...ordinal(day), 'of', name]
  return yearDigits ? [...date, ...readYear(yearDigits)] : date
}

const MONTH = String.raw`(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\.?`
const DAY = String.raw`(\d{1,2})(?:st|nd|rd|th)?`
/** What may not follow a date's last number. */
const END = String.raw`(?![\d:/]|,\d|\.\d|%|[A-Za-z])`
const WEEKDAY = '(Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun)'
const WEEKDAY_OR_NAME =
  '(Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)'

/** "may" and "march" in small letters are verbs unless the rest of the match says otherwise. */
const isMonth = (name: string, isSure: boolean): boolean => isSure || !/^(?:may|march|mar)$/.test(name)

const weekday = (name: string): string => WEEKDAYS.find((day) => day.startsWith(name.slice(0, 3)))!

/** Words before a date of two numbers with a slash. */
const DATE_CUE =
  /\b(?:(?:week|weekend|night|morning|evening|as) of|effective|starting|starts|ends|ending|deadline:?|expires|expired|exp\.?:?|posted:?|received|sent|updated:?|on|by|before|after|until|till|since|from|due|dated?|through|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?)\s$/i

export const DATE_DIGIT_RULES: readonly Rule[] = [
  rule(
    'ISO date and time',
    String.raw`(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?(?![\d:])`,
    (m) => {
      const date = readDate(Number(m[2]), m[3]!, m[1])
      return date && [...date, ',', ...readClock(m[4]!, m[5]!)]
    },
  ),
  rule('ISO date', String.raw`(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?![\d/-])`, (m) => readDate(Number(m[3]), m[4]!, m[1])),
  rule('date with slashes', String.raw`(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/.-]?\d)`, (m) => {
    if (m[2] !== '/' && m[4]!.length === 2) return undefined
    const dayFirst = m[2] === '.' || Number(m[1]) > 12
    return dayFirst ? readDate(Number(m[3]), m[1]!, m[4], false) : readDate(Number(m[1]), m[3]!, m[4])
  }),
  rule(
    'date without a year',
    String.raw`(\d{1,2})\/(\d{1,2})(?![\d/]|\.\d|\s?(?:of|cups?|tsp|tbsp|inch|in|miles?|the)\b|")`,
    (m, place) =>
      DATE_CUE.test(textBefore(place)) || /\bfrom \d{1,2}\/\d{1,2} (?:to|through|thru|until) $/i.test(textBefore(place))
        ? readDate(Number(m[1]), m[2]!, undefined)
        : undefined,
  ),
  rule(
    'day-month-year',
    String.raw`(\d{1,2})[-/]${MONTH}[-/](\d{4}|\d{2})(?!\d)`,
    (m) => readDate(monthNumber(m[2]!), m[1]!, m[3], false),
    'i',
  ),
  rule(
    'days and month',
    String.raw`${DAY}\s?[-–]\s?${DAY} ${MONTH}(?:,? (\d{4}))?(?![A-Za-z\d])`,
    (m) => {
      const last = readDate(monthNumber(m[3]!), m[2]!, m[4], false)
      return last && isMonth(m[3]!, m[4] !== undefined) ? ['the', ...ordinal(m[1]!), 'to', ...last] : undefined
    },
    'i',
  ),
  rule(
    'day and month',
    String.raw`${DAY}(?: of)? ${MONTH}(?:,? (\d{4}))?(?![A-Za-z\d])`,
    (m, place) => {
      if (!isMonth(m[2]!, m[3] !== undefined || /^\d+(?:st|nd|rd|th| of)/i.test(m[0]))) return undefined
      const read = readDate(monthNumber(m[2]!), m[1]!, m[3], false)
      const first = place.previousWord.toLowerCase() === 'the' ? read?.slice(1) : read
      // The full stop of an abbreviated month may end the sentence.
      return first && m[0].endsWith('.') ? consumed(m, place, first) : first
    },
    'i',
  ),
  rule('time with a short half', String.raw`(\d{1,2}):([0-5]\d)([ap])(?![A-Za-z\d.])`, (m) =>
    Number(m[1]) > 12 ? undefined : [...readClock(m[1]!, m[2]!, false), ...halfDay(m[3])],
  ),
  rule(
    'time',
    String.raw`(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?:\s?([ap])(?:\.\s?m\b\.?|m\b\.?))?(?![\d:])`,
    (m, place) => {
      const [, hour, minute, second, half] = m
      if (Number(hour) > 24) return undefined
      // With seconds and an hour of one digit it is a length of time.
      if (second && !half && hour!.length === 1) return readLength([hour, minute, second])
      // In a range nobody says o'clock.
      const inRange = /^\s?[-–]\s?\d/.test(textAfter(place)) || /[-–]\s?$/.test(textBefore(place))
      const read = half && minute === '00' ? cardinal(hour!) : readClock(hour!, minute!, !inRange)
      if (second && second !== '00') read.push('and', ...cardinal(second), isOne(second) ? 'second' : 'seconds')
      return consumed(m, place, [...read, ...halfDay(half)])
    },
    'i',
  ),
  rule('minutes and seconds of a time', String.raw`(2[5-9]|[3-9]\d):([0-5]\d)(?![\d:])(?!\s?(?:ratio|odds))`, (m) => [
    ...cardinal(m[1]!),
    ...(m[2] === '00' ? ['minutes'] : pair(m[2]!)),
  ]),
  rule('time with h', String.raw`([01]?\d|2[0-3])h([0-5]\d)(?![A-Za-z\d])`, (m) => readClock(m[1]!, m[2]!)),
  rule('military time', String.raw`([01]\d|2[0-3])([0-5]\d) (?:hours|hrs|h)\b`, (m) => [
    ...(m[1]![0] === '0' ? ['zero', ...cardinal(m[1]!.slice(1))] : cardinal(m[1]!)),
    ...(m[2] === '00' ? ['hundred'] : pair(m[2]!)),
    'hours',
  ]),
  rule(
    'hour',
    String.raw`(\d{1,2})\s?([ap])(?:\.\s?m\b\.?|m\b\.?)`,
    (m, place) => (Number(m[1]) > 12 ? undefined : consumed(m, place, [...cardinal(m[1]!), ...halfDay(m[2])])),
    'i',
  ),
  rule(
    'length of time',
    String.raw`(?:(\d{1,4})\s?d(?:ays?)?,?\s?)?(?:(\d{1,4})\s?h(?:rs?)?,?\s?)?(?:(\d{1,4})\s?m(?:ins?)?,?\s?)?(?:(\d{1,4})\s?s(?:ecs?)?)?(?![A-Za-z\d])`,
    (m, place) => {
      const [, days, hours, minutes, seconds] = m
      if ([days, hours, minutes, seconds].filter((part) => part !== undefined).length < 2) return undefined
      const end = place.start + m[0].replace(/[,\s]+$/, '').length
      return { words: readLength([hours, minutes, seconds], days), end }
    },
  ),
  rule(
    'minutes and seconds',
    String.raw`(\d{1,2})'([0-5]\d)(?:"|'')(?=\s?(?:long|lap|min|into|for|$|[.,;]))`,
    (m, place) =>
      /\b(?:time|lap|in|at|of|track|song)\b[^.]{0,12}$/.test(textBefore(place))
        ? readLength([undefined, m[1], m[2]])
        : undefined,
  ),
  rule('decade', String.raw`(\d+)'?s(?![A-Za-z])`, (m, place) => {
    const digits = m[1]!
    // "after 30s" is a length of time, "in the 30s" is not.
    if (
      digits.length < 4 &&
      /^(?:after|in|for|within|under|every|takes?|took|waits?|waited|timeout|last|about|only)$/i.test(
        place.previousWord,
      )
    )
      return undefined
    if (/^\d{1,2}[1-9]$/.test(digits) || digits.length < 2 || digits.length > 5) return undefined
    const read = readNumber(digits, true)
    read.push(pluralWord(read.pop()!))
    return read
  }),
]

/** Hours and minutes: 10:00 -> ten o'clock, 16:00 -> sixteen hundred, 3:05 -> three oh five. */
function readClock(hour: string, minute: string, oclock = true): string[] {
  const read = cardinal(hour)
  if (minute !== '00') return [...read, ...pair(minute)]
  if (Number(hour) > 12 || Number(hour) === 0) return [...read, 'hundred']
  return oclock ? [...read, "o'clock"] : read
}

/** Hours, minutes, seconds that are there and not zero, "and" before the last of three. */
function readLength(parts: readonly (string | undefined)[], days?: string): string[] {
  const names = ['hour', 'minute', 'second']
  const said = [
    ...(days ? [[...cardinal(days), isOne(days) ? 'day' : 'days']] : []),
    ...parts.flatMap((part, i) =>
      part === undefined || Number(part) === 0 ? [] : [[...cardinal(part), isOne(part) ? names[i]! : `${names[i]}s`]],
    ),
  ]
  if (said.length === 0) return ['zero', 'seconds']
  return said.flatMap((part, i) => (i > 1 && i === said.length - 1 ? ['and', ...part] : part))
}

export const DATE_LETTER_RULES: readonly Rule[] = [
  rule(
    'month and days',
    String.raw`${MONTH} ${DAY}\s?[-–]\s?(?:${MONTH} )?${DAY}${END}(?:,? (\d{4})(?!\d))?`,
    (m) => {
      if (!isMonth(m[1]!, m[5] !== undefined)) return undefined
      const first = readDate(monthNumber(m[1]!), m[2]!, undefined)
      const last = m[3] === undefined ? ordinal(m[4]!) : readDate(monthNumber(m[3]), m[4]!, undefined)
      if (!first || !last || Number(m[4]) > 31) return undefined
      return [...first, 'to', ...last, ...(m[5] ? year(m[5]) : [])]
    },
    'i',
  ),
  rule(
    'month and day',
    String.raw`${MONTH}[ -]${DAY}${END}(?:,? (\d{4})(?!\d)|-(\d{4})(?!\d))?`,
    (m, place) => {
      const hasYear = m[3] ?? m[4]
      // A hyphen alone joins no date: "Mar-5" may be a code.
      if (/^[A-Za-z]+\.?-/.test(m[0]) && !m[4]) return undefined
      const isSure =
        hasYear !== undefined ||
        /\d(?:st|nd|rd|th)/i.test(m[0]) ||
        /\b(?:on|of|by|until|since)\s$/.test(textBefore(place))
      return isMonth(m[1]!, isSure) ? readDate(monthNumber(m[1]!), m[2]!, hasYear) : undefined
    },
    'i',
  ),
  rule(
    'month and year',
    String.raw`${MONTH},? (\d{4})${END}`,
    (m) => (isMonth(m[1]!, false) ? [MONTHS[monthNumber(m[1]!) - 1]!, ...year(m[2]!)] : undefined),
    'i',
  ),
  rule('months', String.raw`${MONTH}\s?[-–]\s?(?=${MONTH}(?![A-Za-z]))`, (m) => [
    MONTHS[monthNumber(m[1]!) - 1]!,
    'to',
  ]),
  rule('last month', String.raw`${MONTH}(?![A-Za-z\d])`, (m, place) =>
    /(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s?[-–]\s?$/.test(textBefore(place))
      ? consumed(m, place, [MONTHS[monthNumber(m[1]!) - 1]!])
      : undefined,
  ),
  rule('weekdays', String.raw`${WEEKDAY_OR_NAME}\.?\s?[-–]\s?(?=${WEEKDAY_OR_NAME}(?![A-Za-z]))`, (m) => [
    weekday(m[1]!),
    'to',
  ]),
  rule('last weekday', String.raw`${WEEKDAY}\.?(?![A-Za-z])`, (m, place) => {
    const isSecond = /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?\s?[-–]\s?$/.test(textBefore(place))
    const isDated = /^,? (?:\d|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d)/.test(textAfter(place))
    if (!isSecond && !isDated) return undefined
    const stop = m[0].endsWith('.') && /^["')\]”\s]*$/.test(textAfter(place)) ? 1 : 0
    return { words: [weekday(m[1]!)], end: place.end - stop }
  }),
  rule('era', String.raw`(AD|A\.D\.|CE) (\d{1,4})(?!\d)`, (m) => [`~${m[1]!.replaceAll('.', '')}`, ...eraYear(m[2]!)]),
  rule('around a year', String.raw`c\. ?(\d{3,4})(?![\d.,%])`, (m) => ['circa', ...eraYear(m[1]!)]),
  rule('months in a row', `${MONTH}(?= (?:and|or|to|through|thru|until) ${MONTH}(?![A-Za-z]))`, (m) =>
    /^[A-Z]/.test(m[0]) ? [MONTHS[monthNumber(m[1]!) - 1]!] : undefined,
  ),
  rule('month after another', String.raw`${MONTH}(?![A-Za-z\d])`, (m, place) =>
    m[0].endsWith('.') &&
    /(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? (?:and|or|to|through|thru|until) $/.test(
      textBefore(place),
    )
      ? consumed(m, place, [MONTHS[monthNumber(m[1]!) - 1]!])
      : undefined,
  ),
  rule('fiscal year', String.raw`FY ?(\d{4}|\d{2})(?!\d)`, (m) => ['~FY', ...readYear(m[1]!)]),
]

const eraYear = (digits: string): string[] =>
  digits.length === 4 && digits[1] !== '0'
    ? [...cardinal(digits.slice(0, 2)), ...pair(digits.slice(2))]
    : digits.length === 4 && digits.slice(1) !== '000' && digits[0] === '1'
      ? [...cardinal(digits.slice(0, 2)), ...(digits.endsWith('00') ? ['hundred'] : pair(digits.slice(2)))]
      : digits.length > 4
        ? spellDigits(digits)
        : cardinal(digits)
