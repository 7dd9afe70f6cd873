import { expect, test } from 'vitest'
import { predictLetters, standIn } from '../../../test/support/stand-in.ts'
import { normalize, phonemize, spokenText } from '../../text/index.ts'
import { looksLikeSsml, SsmlError, ssmlSentences } from './index.ts'

const inside = (ssml: string) => ssmlSentences(`<speak>${ssml}</speak>`)
const read = (ssml: string): string =>
  inside(ssml)
    .map(({ text }) => spokenText(normalize(text)))
    .join(' | ')

test.each([
  ['One. Two.', 'One. | Two.'],
  ['<p>One</p><p>Two</p>', 'One | Two'],
  ['<s>One</s>  <s>Two</s>', 'One | Two'],
  ['One <sub alias="World Wide Web Consortium">W3C</sub> two', 'One World Wide Web Consortium two'],
  ['<say-as interpret-as="characters">a1b-</say-as>', 'A one B dash'],
  ['<say-as interpret-as="cardinal">1984</say-as>', 'one thousand nine hundred eighty four'],
  ['<say-as interpret-as="ordinal">3</say-as> try', 'third try'],
  ['<say-as interpret-as="digits">1984</say-as>', 'one nine eight four'],
  ['<say-as interpret-as="telephone">+1 555-12</say-as>', 'plus one, five five five, one two'],
  ['<say-as interpret-as="date" format="dmy">5/3/2024</say-as>', spokenText(normalize('2024-03-05'))],
  ['<say-as interpret-as="date" format="mdy">5/3/2024</say-as>', spokenText(normalize('2024-05-03'))],
  ['AT&amp;T &#x41;&#66; <![CDATA[a < b]]>', spokenText(normalize('AT&T AB a < b'))],
  ['One <!-- not this --> two', 'One two'],
  ['<?xml-not this?>One', 'One'],
  ['<metadata>not this</metadata>One', 'One'],
  ['One\n\n   two', 'One two'],
  ['<lang xml:lang="en-US">One</lang><mark name="m"/> two', 'One two'],
])('%s is read', (ssml, spoken) => {
  expect(read(ssml)).toBe(spoken)
})

test('breaks are pauses of their length, and paragraphs theirs', () => {
  const pauses = (ssml: string) => inside(ssml).map(({ pause }) => pause)
  expect(pauses('One<break time="500ms"/> two.')).toEqual(['none', 0.5])
  expect(pauses('One.<break time="1.5s"/><break strength="weak"/> Two.')).toEqual(['none', 1.7])
  expect(pauses('<break/>One.')).toEqual([0.4])
  expect(pauses('One.<break strength="none"/> Two.')).toEqual(['none', 0])
  expect(pauses('<p>One.</p><p><s>Two.</s><s>Three</s></p>')).toEqual(['paragraph', 'paragraph', 'sentence'])
  expect(pauses('One. <prosody rate="slow">Two</prosody> three.')).toEqual(['none', 'sentence', 'none'])
})

test('prosody multiplies inwards and ends with its element', () => {
  const found = inside(
    'a <prosody rate="50%" volume="-6dB">b <prosody rate="fast" pitch="+12st">c</prosody> d</prosody> e',
  )
  expect(found.map(({ prosody }) => prosody!.rate)).toEqual([1, 0.5, 0.65, 0.5, 1])
  expect(found.map(({ prosody }) => prosody!.pitch)).toEqual([1, 1, 2, 1, 1])
  expect(found[3]!.prosody!.volume).toBeCloseTo(0.501, 3)
})

test('phonemes are spoken in place of what is written, in both alphabets', () => {
  const sound = (ssml: string) => inside(ssml).map(({ text, given }) => phonemize(text, given).phonemes)
  expect(sound('Say <phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>.')).toEqual(['sˈA təmˈɑtO.'])
  expect(sound('Say <phoneme alphabet="x-sparsewave" ph="təmˈɑtO"/>!')).toEqual(['sˈA təmˈɑtO!'])
  expect(sound('We <emphasis level="reduced">go</emphasis>')[0]).toContain('ɡˌO')
})

test('characters are those of the document, through entities, substitutions and line ends', () => {
  const document = '<speak>AT&amp;T\r\n<sub alias="et cetera and so on">etc</sub> &#x63;at <![CDATA[dog]]> end.</speak>'
  const [sentence] = ssmlSentences(document)
  const { words } = phonemize(sentence!.text)
  const { from, to } = sentence!.places!
  expect(words.map(({ start, end }) => document.slice(from[start], to[end - 1]))).toEqual([
    'AT&amp;T',
    ...Array(5).fill('etc'),
    '&#x63;at',
    'dog',
    'end',
  ])
  expect(document.slice(sentence!.start, sentence!.end)).toBe(document.slice(7, -8))
})

test.each([
  ['<speak>One', 'unclosed', 1],
  ['<speak>\n<p>One</s></speak>', 'line 2', 2],
  ['<speak>\n\n  <audio src="x"/></speak>', 'line 3, column 3: <audio>', 3],
  ['<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', 'DOCTYPE', 1],
  ['<speak>&nbsp;</speak>', 'entity', 1],
  ['<speak><break time="5"/></speak>', 'time', 1],
  ['<speak><break time="61s"/></speak>', '60 seconds', 1],
  ['<speak><prosody rate="quick">a</prosody></speak>', 'rate', 1],
  ['<speak><phoneme ph="ɥə">a</phoneme></speak>', 'ɥ', 1],
  ['<speak><phoneme>a</phoneme></speak>', 'ph', 1],
  ['<speak><sub>a</sub></speak>', 'alias', 1],
  ['<speak><say-as interpret-as="song">a</say-as></speak>', 'characters', 1],
  ['<speak><sub alias="a"><p>b</p></sub></speak>', 'inside', 1],
  [`<speak>${'<lang>'.repeat(40)}`, '32 deep', 1],
  ['<p>One</p>', '<speak>', 1],
  ['<speak><speak/></speak>', 'inside', 1],
  ['<speak>a</speak><speak>b</speak>', 'line 1', 1],
  ['', 'line 1', 1],
  ['<speak><constructor/></speak>', '<constructor>', 1],
])('%s is refused with its place', (document, message, line) => {
  let error: unknown
  try {
    ssmlSentences(document)
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(SsmlError)
  expect((error as SsmlError).message).toContain(message)
  expect((error as SsmlError).line).toBe(line)
})

test('rate, pitch, volume and breaks reach the audio', async () => {
  const asked: { rate: number; pitch: number }[] = []
  const { synthesizer } = standIn({
    parts: {
      predict(phonemes, options) {
        asked.push(options)
        return predictLetters(phonemes, options)
      },
    },
  })
  const samples = async (text: string) => {
    const all: number[] = []
    for await (const chunk of synthesizer.stream(text, { ssml: true, seed: 1, speed: 2 })) all.push(...chunk.samples)
    return all
  }
  await samples('<speak><prosody rate="50%" pitch="+10%">word</prosody></speak>')
  expect(asked[0]).toEqual({ rate: 1, pitch: 1.1 })
  const plain = await samples('<speak>word</speak>')
  const quiet = await samples('<speak><prosody volume="-6dB">word</prosody></speak>')
  expect(quiet).toHaveLength(plain.length)
  expect(Math.max(...quiet)).toBeCloseTo(Math.max(...plain) * 0.5012, 3)
  const short = await samples('<speak>one<break time="500ms"/>two</speak>')
  const long = await samples('<speak>one<break time="1500ms"/>two</speak>')
  expect(long.length - short.length).toBe(24000)
})

test('SSML is known by its first element', () => {
  expect(looksLikeSsml('<speak>a</speak>')).toBe(true)
  expect(looksLikeSsml('<?xml version="1.0"?>\n<speak version="1.1">')).toBe(true)
  expect(looksLikeSsml('<speaker> is a tag')).toBe(false)
  expect(looksLikeSsml('a <speak>')).toBe(false)
})
