/** Italian words for what is written without words: tables, and how they go together. */
import { folded, type Wording } from '../../spelled/index.ts'
import { accentOf } from './accent.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { beforeNoun, cardinal, DIGITS, fraction, ordinal } from './numbers.ts'
import { pronounce } from './pronounce.ts'

const rows = (text: string): [string, string][] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const at = line.indexOf(' = ')
      return [line.slice(0, at).trim(), line.slice(at + 3).trim()]
    })
const nouns = (text: string) =>
  Object.fromEntries(
    rows(text).map(([name, value]) => {
      const [one, many, gender] = value.split(', ')
      return [name, { one: one!, many: many!, ...(gender === 'f' && { feminine: true }) }]
    }),
  )

const MONTHS = 'gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre'.split(
  ' ',
)

const UNITS = nouns(`
km = chilometro, chilometri
m = metro, metri
cm = centimetro, centimetri
mm = millimetro, millimetri
kg = chilo, chili
g = grammo, grammi
mg = milligrammo, milligrammi
t = tonnellata, tonnellate, f
l = litro, litri
L = litro, litri
ml = millilitro, millilitri
cl = centilitro, centilitri
ha = ettaro, ettari
h = ora, ore, f
min = minuto, minuti
s = secondo, secondi
W = watt, watt
kW = chilowatt, chilowatt
MW = megawatt, megawatt
kWh = chilowattora, chilowattora
V = volt, volt
A = ampere, ampere
Hz = hertz, hertz
kHz = chilohertz, chilohertz
MHz = megahertz, megahertz
GHz = gigahertz, gigahertz
KB = kilobyte, kilobyte
MB = megabyte, megabyte
GB = gigabyte, gigabyte
TB = terabyte, terabyte
°C = grado celsius, gradi celsius
`)

const CENT = { one: 'centesimo', many: 'centesimi' }
const PENNY = { one: 'penny', many: 'pence' }
const currency = (one: string, many: string, cent = CENT, feminine = false) => ({
  one,
  many,
  cent,
  ...(feminine && { feminine }),
})
const CURRENCIES = {
  '€': currency('euro', 'euro'),
  EUR: currency('euro', 'euro'),
  $: currency('dollaro', 'dollari'),
  USD: currency('dollaro', 'dollari'),
  '£': currency('sterlina', 'sterline', PENNY, true),
  GBP: currency('sterlina', 'sterline', PENNY, true),
  '¥': currency('yen', 'yen'),
  CHF: currency('franco svizzero', 'franchi svizzeri'),
}

const ABBREVIATIONS = Object.fromEntries(
  rows(`
Sig. = signor
sig. = signor
Sig.ra = signora
sig.ra = signora
Sig.na = signorina
Sigg. = signori
Dott. = dottor
dott. = dottor
Dott.ssa = dottoressa
dott.ssa = dottoressa
Dr. = dottor
Prof. = professor
prof. = professor
Prof.ssa = professoressa
prof.ssa = professoressa
Ing. = ingegner
ing. = ingegner
Avv. = avvocato
avv. = avvocato
Arch. = architetto
Geom. = geometra
Rag. = ragionier
On. = onorevole
Gen. = generale
Col. = colonnello
Mons. = monsignor
S. = san
p.es. = per esempio
p. es. = per esempio
ad es. = ad esempio
es. = esempio
ecc. = eccetera
a.C. = avanti cristo
a. C. = avanti cristo
d.C. = dopo cristo
d. C. = dopo cristo
pag. = pagina
pagg. = pagine
cap. = capitolo
vol. = volume
n. = numero
nr. = numero
n° = numero
N° = numero
art. = articolo
artt. = articoli
c.so = corso
C.so = corso
v.le = viale
V.le = viale
P.zza = piazza
p.zza = piazza
tel. = telefono
Tel. = telefono
ca. = circa
max. = massimo
min. = minimo
S.p.A. = esse pi a
s.r.l. = esse erre elle
S.r.l. = esse erre elle
vs. = contro
fig. = figura
ed. = edizione
sec. = secolo
U.S.A. = usa
prov. = provincia
`),
)

/** Words that follow without stress. */
const WEAK = new Map<string, string>(
  `il lo la i gli le un di a da in con su per tra fra e ed o che non si mi ti ci vi ne del dello della dei degli delle al allo alla ai agli alle dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle col se ma`
    .split(' ')
    .map((word) => [word, '']),
)
for (const word of WEAK.keys()) {
  const sound = pronounce(word, { letter: 0, open: false, from: 'written' }).replace(/[ˈˌ]/g, '')
  WEAK.set(
    word,
    word === 'un' ? 'ʊn' : word === 'su' ? 'sʊ' : word === 'di' ? 'dɪ' : sound.replace(/ˈ/g, '').replace(/^ʎi$/, 'ʎɪ'),
  )
}
for (const [word, sound] of rows(`
una = ˌʊna
della = dˌella
delle = dˌelle
dello = dˌello
degli = dˌeʎɪ
dalla = dˌalla
dalle = dˌalle
dagli = dˌaʎɪ
dei = dˌA
ai = aj
dai = daj
sulla = sˌʊlla
sulle = sˌʊlle
nello = nˈello
nella = nˈella
nelle = nˈelle
sia = sˌia
sua = sˌʊa
tua = tˌʊa
mia = mˌia
suoi = sʊˌɔi
sue = sˌʊe
contro = kˌontro
verso = vˌɛrso
loro = lˌɔro
come = kˌome
questo = kwˌesto
questa = kwˌesta
questi = kwˌestɪ
queste = kwˌeste
quella = kwˌella
quelle = kwˌelle
nessun = neSˌʊn
egli = ˌeʎɪ
lui = lˌʊi
lei = lˌɛi
si = sɪ
mi = mɪ
ti = tɪ
ci = ʧɪ
vi = vɪ
alla = ˌalla
alle = ˌalle
sul = sʊl
sui = sˌʊi
sullo = sˌʊllo
era = ˌɛra
fu = fʊ
chi = kɪ
c'è = ʧe
te = te
siamo = sjˌamo
abbiamo = abːjˌamo
perché = perkˌe
sono = sˌono
ha = a
ho = o
hai = aj
hanno = ˌanno
è = e
anche = ˌanke
senza = sˌɛnʦa
ogni = ˌoɲɲɪ
mio = mˌio
tuo = tˌʊo
suo = sˌʊo
sei = sˌɛi
mai = maj
più = pjʊ
`))
  WEAK.set(word, sound)

const KINGS =
  /^(?:vittorio|emanuele|umberto|carlo|luigi|enrico|federico|filippo|alberto|amedeo|pio|giovanni|paolo|benedetto|gregorio|clemente|leone|innocenzo|urbano|bonifacio|giulio|sisto|nicola|alessandro|napoleone|francesco|ferdinando|giorgio|guglielmo|edoardo|riccardo|giacomo|ottone|corrado|ludovico|cosimo|ramses|tolomeo|luigi|pietro|papa)$/
const QUEENS = /^(?:elisabetta|caterina|margherita|maria|giovanna|isabella|cristina|cleopatra)$/
const COUNTED = /^(?:secolo|capitolo|tomo|volume|atto|canto|titolo|libro|congresso|livello|tipo|grado|municipio|re)$/
const COUNTED_FEMININE = /^(?:parte|scena|fase|edizione|legislatura|dinastia|classe|guerra|lezione)$/
const NUMBERED =
  /^(?:secolo|secoli|congresso|capitolo|canto|anniversario|festival|premio|municipio|concorso|convegno|volume)$/
const NUMBERED_FEMININE = /^(?:edizione|legislatura|dinastia|giornata|conferenza|assemblea|olimpiade|guerra)$/

const NO_NOUN = new Set(
  'e o a ed di del della dei in il la lo i gli le che per con al alla è era sono fu si su non più meno volte come tra fra da dal poi ma'.split(
    ' ',
  ),
)

export const ITALIAN: Wording = {
  cardinal,
  ordinal,
  beforeNoun,
  nounGender(word) {
    if (word === '' || word !== word.toLowerCase() || (NO_NOUN.has(word) && word !== 'volte')) return undefined
    return /(?:a|zione|sione|gione|tà|notte|parte|classe|volte|ore|voce|chiave|mano|nave|luce|legge)$/.test(word) &&
      !/(?:problema|sistema|programma|tema|pianeta|clima|poema|colore|fiore|cuore|dottore|professore|attore)$/.test(
        word,
      )
      ? 'feminine'
      : 'masculine'
  },
  digits: DIGITS,
  months: MONTHS,
  date: (day, month, year) => [
    ...(day === 1 ? ['primo'] : cardinal(String(day))),
    MONTHS[month - 1]!,
    ...(year === '' ? [] : cardinal(year)),
  ],
  time(hour, minute, second) {
    const hours = hour === 1 ? ['una'] : cardinal(String(hour))
    const minutes =
      minute === 0
        ? ['in', 'punto']
        : minute === 15 && hour < 13
          ? ['e', 'un', 'quarto']
          : minute === 30 && hour < 13
            ? ['e', 'mezza']
            : ['e', ...cardinal(String(minute))]
    return [
      ...hours,
      ...minutes,
      ...(second === undefined
        ? []
        : ['e', ...beforeNoun(cardinal(String(second)), false), second === 1 ? 'secondo' : 'secondi']),
    ]
  },
  roman(value, previous, next) {
    if (QUEENS.test(previous)) return ordinal(String(value), true)
    if (KINGS.test(previous) || COUNTED.test(previous)) return ordinal(String(value))
    if (COUNTED_FEMININE.test(previous)) return ordinal(String(value), true)
    if (NUMBERED.test(next)) return ordinal(String(value))
    if (NUMBERED_FEMININE.test(next)) return ordinal(String(value), true)
    // "tra il XII e il XIII secolo": the first of two.
    return value > 1 && /^(?:il|al|del|dal|nel|sul|e)$/.test(previous) ? ordinal(String(value)) : undefined
  },
  fraction,
  letters: Object.fromEntries(
    rows(`
a = a
b = bi
c = ci
d = di
e = e
f = effe
g = gi
h = acca
i = i
j = i lunga
k = cappa
l = elle
m = emme
n = enne
o = o
p = pi
q = cu
r = erre
s = esse
t = ti
u = u
v = vu
w = doppia vu
x = ics
y = ipsilon
z = zeta
`),
  ),
  words: {
    comma: 'virgola',
    minus: 'meno',
    point: 'punto',
    at: 'chiocciola',
    slash: 'barra',
    dash: 'trattino',
    underscore: 'trattino basso',
    percent: 'per cento',
    permille: 'per mille',
    per: 'al',
    degrees: { one: 'grado', many: 'gradi' },
    and: 'e',
    to: '',
    of: 'di',
    square: ['quadrato', 'quadrata'],
    cubic: ['cubo', 'cuba'],
  },
  magnitudes: ['milione', 'milioni', 'miliardo', 'miliardi'],
  currencies: CURRENCIES,
  units: UNITS,
  signs: Object.fromEntries(
    rows(`
+ = più
= = uguale a
< = minore di
> = maggiore di
& = e
% = per cento
§ = paragrafo
© = copyright
® = marchio registrato
× = per
÷ = diviso
± = più o meno
≈ = circa
≠ = diverso da
≤ = minore o uguale a
≥ = maggiore o uguale a
→ = freccia
° = gradi
@ = chiocciola
# = cancelletto
√ = radice di
∞ = infinito
‰ = per mille
* = asterisco
/ = barra
`),
  ),
  abbreviations: ABBREVIATIONS,
  neverFinal: new Set(
    'sig sig.ra sigg dott dott.ssa dr prof prof.ssa ing avv arch geom rag on gen col mons s p.es es ad pag pagg cap vol n nr art artt c.so v.le p.zza tel ca max min vs fig ed sec prov'.split(
      ' ',
    ),
  ),
  acronymsAsWords: new Set(
    'ONU NATO UNESCO UNICEF FIAT IVA INPS ISTAT NASA FIFA UEFA COVID AIDS USA ENI ENEL CONI SIAE ANSA RAI TAR TAV IMU'.split(
      ' ',
    ),
  ),
  acronymsAsLetters: new Set('UE EU UK TV PC IA CD DVD USB DNA PIL GPS BCE FMI SMS API WC CGIL IP'.split(' ')),
  pronounce(written) {
    const parts = folded(written.replaceAll('ñ', 'gn'), /[a-zàáèéìíîòóùú']/)
      .split("'")
      .filter(Boolean)
    if (parts.length === 0) return { sound: '', source: 'letters' }
    // An elided word is one with the next: l'amico, dell'acqua.
    const last = parts[parts.length - 1]!
    const elided = parts.slice(0, -1).map((part, i) => {
      // C before a front vowel is soft there too: c'è.
      if (/^c$/.test(part) && /^[eèéi]/.test(parts[i + 1]!)) return 'ʧ'
      return pronounce(`${part}a`, { letter: part.length, open: false, from: 'written' }).replace(/ˈa$/, '')
    })
    const { from } = accentOf(last)
    const source = EXCEPTIONS.has(last) || from === 'list' ? 'dictionary' : from === 'derived' ? 'derived' : 'letters'
    return { sound: elided.join('') + pronounce(last), source }
  },
  weak: (word) => WEAK.get(word),
  join: (before, word) => ({ before, word }),
}
