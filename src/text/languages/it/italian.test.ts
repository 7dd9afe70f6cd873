/** Italian: what is said for what is written, by family, and how words sound. */
import { expect, test } from 'vitest'
import { table } from '../../../../test/support/table.ts'
import { languageFor } from '../index.ts'
import { accentOf } from './accent.ts'

const italian = languageFor('it')
const said = (text: string): string => italian.spokenText(text)
const sound = (text: string): string => italian.phonemize(text).phonemes

const FAMILIES: Readonly<Record<string, string>> = {
  'whole numbers': `
0 => zero
17 => diciassette
21 => ventuno
28 => ventotto
33 => trentatré
100 => cento
108 => centootto
180 => centottanta
1000 => mille
1.492 => mille quattrocentonovantadue
23.000 => ventitremila
1.000.000 => un milione
2 345 678 => due milioni trecentoquarantacinquemila seicentosettantotto
1.000.000.000 => un miliardo
007 => zero zero sette`,
  'numbers before nouns': `
1 libro => un libro
1 casa => una casa
21 anni => ventuno anni
200 persone => duecento persone
1 volta => una volta
1 di loro => uno di loro
3 gatti => tre gatti
1 problema => un problema
1 notte => una notte
121.000 abitanti => centoventunomila abitanti`,
  decimals: `
3,5 => tre virgola cinque
3,14 => tre virgola quattordici
0,05 => zero virgola zero cinque
1.234,5 => mille duecentotrentaquattro virgola cinque
2,718 => due virgola sette uno otto
-4 => meno quattro
-1,5 => meno uno virgola cinque
99,9 => novantanove virgola nove
10,25 => dieci virgola venticinque
3.14 => tre punto quattordici`,
  ordinals: `
1º => primo
1ª => prima
2° piano => secondo piano
3ª fila => terza fila
10º => decimo
11ª => undicesima
23º => ventitreesimo
26º => ventiseiesimo
100º => centesimo
1000º => millesimo`,
  dates: `
3 maggio 2024 => tre maggio duemila ventiquattro
1 gennaio => primo gennaio
1° maggio => primo maggio
12/10/1492 => dodici ottobre mille quattrocentonovantadue
1-2-1999 => primo febbraio mille novecentonovantanove
2024-07-05 => cinque luglio duemila ventiquattro
31.12.2000 => trentuno dicembre duemila
Il 6 gennaio arriva. => Il sei gennaio arriva.
15/8/23 => quindici agosto duemila ventitré
25 DICEMBRE => venticinque dicembre`,
  times: `
alle 15:30 => alle quindici e trenta
alle 9:15 => alle nove e un quarto
alle 8:30 => alle otto e mezza
alle 21:05 => alle ventuno e cinque
le 10:20 => le dieci e venti
12:45 => dodici e quarantacinque
alle 7.40 => alle sette e quaranta
ore 18.30 => ore diciotto e trenta
dalle 2:00 => dalle due in punto
00:10:01 => zero e dieci e un secondo`,
  money: `
5 € => cinque euro
1 € => un euro
5,50 € => cinque euro e cinquanta centesimi
1.250,01 € => mille duecentocinquanta euro e un centesimo
$20 => venti dollari
£1 => una sterlina
200 £ => duecento sterline
5 milioni di euro => cinque milioni di euro
5 milioni € => cinque milioni di euro
30 EUR => trenta euro`,
  'percent and units': `
25 % => venticinque per cento
3,5% => tre virgola cinque per cento
120 km/h => centoventi chilometri all'ora
10 m/s => dieci metri al secondo
1 kg => un chilo
5 cm => cinque centimetri
30 m² => trenta metri quadrati
20 °C => venti gradi celsius
16 GB => sedici gigabyte
200 ha => duecento ettari
20° => venti gradi`,
  abbreviations: `
Il sig. Rossi => Il signor Rossi
la dott.ssa Bianchi => la dottoressa Bianchi
il prof. Verdi => il professor Verdi
ad es. questo => ad esempio questo
nel 44 a.C. a Roma => nel quarantaquattro avanti cristo a Roma
pag. 3 => pagina tre
n. 7 => numero sette
C.so Italia => corso Italia
P.zza Navona => piazza Navona
pere, mele, ecc. => pere, mele, eccetera.`,
  'Roman numerals': `
Vittorio Emanuele II => Vittorio Emanuele secondo
Elisabetta II => Elisabetta seconda
Luigi XIV => Luigi quattordicesimo
Giovanni XXIII => Giovanni ventitreesimo
il XX secolo => il ventesimo secolo
secolo XV => secolo quindicesimo
tra il XII e il XIII secolo => tra il dodicesimo e il tredicesimo secolo
capitolo IV => capitolo quarto
la II edizione => la seconda edizione
papa Pio IX => papa Pio nono`,
  addresses: `
anna@posta.it => anna chiocciola posta punto I T
www.esempio.com => esempio punto com
https://esempio.org/ciao => esempio punto org barra ciao
luca_verdi@web.com => luca trattino basso verdi chiocciola web punto com
ciao-mondo.net => ciao trattino mondo punto net
vai su esempio.com. => vai su esempio punto com.
info@negozio24.com => info chiocciola negozio ventiquattro punto com
a.b@c.org => A punto B chiocciola C punto org
www.rai.it/tg => rai punto I T barra T G
10.0.0.1 => dieci punto zero punto zero punto uno`,
  'acronyms and letters': `
l'ONU => l'ONU
la CGIL => la C G I L
la NATO => la NATO
il DNA => il D N A
la UE => la U E
un CD => un C D
la FIAT => la FIAT
l'INPS => l'INPS
U.R.S.S. => U R S S
il piano B => il piano B
VIETATO FUMARE IN QUESTO LUOGO => VIETATO FUMARE IN QUESTO LUOGO`,
  'fractions, ranges, signs': `
1/2 => mezzo
3/4 => tre quarti
2/3 => due terzi
10-20 anni => dieci venti anni
2 + 2 = 4 => due più due uguale a quattro
3 × 4 => tre per quattro
Rossi & Figli => Rossi e Figli
2 ½ => due e mezzo
+39 02 1234 567 => più tre nove, zero due, uno due tre quattro, cinque sei sette
5 > 3 => cinque maggiore di tre`,
}

test.each(Object.entries(FAMILIES))('%s', (_, lines) => {
  const cases = table(lines)
  expect(cases.length).toBeGreaterThanOrEqual(10)
  expect(cases.map(([written]) => [written, said(written)])).toEqual(cases)
})

test('spelling tells the consonants', () => {
  const cases = table(`
ciao => ʧˈao
chiave => kjˈave
ghiaccio => ɡjˈaʧːo
gatto => ɡˈatːo
giorno => ʤˈorno
gnocchi => ɲˈɔkːɪ
figlio => fˈiʎo
scuola => skʊˈɔla
scena => ʃˈɛna
pesce => pˈeʃe
acqua => ˈakːwa
quando => kwˈando
rosso => rˈoSo
casa => kˈaza
sbaglio => zbˈaʎo
zio => ʣˈio
ragazzo => raɡˈaʦːo
mezzo => mˈɛʣːo
stazione => staʦiˈone
bagno => bˈaɲɲo
piano => pjˈano
storia => stˈɔria
farmacia => farmaʧˈia
terra => tˈɛrɾa`)
  expect(cases.map(([word]) => [word, sound(word)])).toEqual(cases)
})

test('stress and openness come from accents, the list, derivation and endings', () => {
  const marked = (word: string): string => {
    const { letter, from } = accentOf(word)
    return `${word.slice(0, letter)}'${word.slice(letter)} ${from}`
  }
  const cases = table(`
città => citt'à written
perché => perch'é written
telefono => tel'efono list
capitano => capit'ano list
prendere => pr'endere list
telefoni => tel'efoni derived
prendono => pr'endono derived
pensano => p'ensano derived
prenderlo => pr'enderlo derived
cantavamo => cantav'amo derived
ventiquattro => ventiqu'attro derived
blornazione => blornazi'one ending
sbrifologo => sbrif'ologo ending`)
  expect(cases.map(([word]) => [word, marked(word)])).toEqual(cases)
})

test('unstressed words and elisions', () => {
  const cases = table(`
il gatto della nonna => il ɡˈatːo dˌella nˈɔnna
l'amico => lamˈiko
dell'acqua => dellˈakːwa
gli amici => ʎɪ amˈiʧɪ
un po' di pane => ʊn pˈɔ dɪ pˈane
c'è => ʧˈɛ
è qui => e kwˈi
dov'è? => dovˈɛ?
ho fame => o fˈame
di più => dɪ pjˈu`)
  expect(cases.map(([text]) => [text, sound(text)])).toEqual(cases)
})

test('sentences end where Italian ends them', () => {
  const split = (text: string): string[] => italian.splitSentences(text).map((sentence) => sentence.text)
  expect(split('Il sig. Rossi è qui. Che dice? Niente!')).toEqual(['Il sig. Rossi è qui.', 'Che dice?', 'Niente!'])
  expect(split('La dott.ssa Verdi parla. Bene.')).toEqual(['La dott.ssa Verdi parla.', 'Bene.'])
  expect(split('Vedi pag. 3. Poi 1.250 persone.')).toEqual(['Vedi pag. 3.', 'Poi 1.250 persone.'])
  expect(split('È vero. È così.')).toEqual(['È vero.', 'È così.'])
})

test('every word knows its place, and every symbol is one that the voices have', () => {
  const text = "L'avv. Nuñez ha pagato 1.250,50 € alle 8:30 («sì») — vero?"
  const { phonemes, words } = italian.phonemize(text)
  for (const word of words) expect(text.slice(word.start, word.end)).toBe(word.text)
  expect(words.map((word) => word.text)).toContain('1.250,50 €')
  for (const symbol of phonemes) expect(italian.symbols).toContain(symbol)
})
