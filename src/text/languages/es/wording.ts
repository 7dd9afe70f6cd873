/** Spanish words for what is written without words: tables, and how they go together. */
import { folded, type Wording } from '../../spelled/index.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { beforeNoun, cardinal, DIGITS, fraction, ordinal } from './numbers.ts'
import { joinWords, pronounce } from './pronounce.ts'

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

const MONTHS = 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' ')

const UNITS = nouns(`
km = kilómetro, kilómetros
m = metro, metros
cm = centímetro, centímetros
mm = milímetro, milímetros
kg = kilo, kilos
g = gramo, gramos
mg = miligramo, miligramos
t = tonelada, toneladas, f
l = litro, litros
L = litro, litros
ml = mililitro, mililitros
cl = centilitro, centilitros
ha = hectárea, hectáreas, f
h = hora, horas, f
min = minuto, minutos
s = segundo, segundos
W = vatio, vatios
kW = kilovatio, kilovatios
MW = megavatio, megavatios
kWh = kilovatio hora, kilovatios hora
V = voltio, voltios
A = amperio, amperios
Hz = hercio, hercios
kHz = kilohercio, kilohercios
MHz = megahercio, megahercios
GHz = gigahercio, gigahercios
KB = kilobyte, kilobytes
MB = megabyte, megabytes
GB = gigabyte, gigabytes
TB = terabyte, terabytes
°C = grado celsius, grados celsius
`)

const CENT = { one: 'céntimo', many: 'céntimos' }
const CENTAVO = { one: 'centavo', many: 'centavos' }
const PENNY = { one: 'penique', many: 'peniques' }
const currency = (one: string, many: string, cent = CENT, feminine = false) => ({
  one,
  many,
  cent,
  ...(feminine && { feminine }),
})
const CURRENCIES = {
  '€': currency('euro', 'euros'),
  EUR: currency('euro', 'euros'),
  $: currency('dólar', 'dólares', CENTAVO),
  USD: currency('dólar', 'dólares', CENTAVO),
  '£': currency('libra', 'libras', PENNY, true),
  GBP: currency('libra', 'libras', PENNY, true),
  '¥': currency('yen', 'yenes'),
  MXN: currency('peso', 'pesos', CENTAVO),
  ARS: currency('peso', 'pesos', CENTAVO),
}

const ABBREVIATIONS = Object.fromEntries(
  rows(`
Sr. = señor
Sra. = señora
Srta. = señorita
Sres. = señores
Dr. = doctor
Dra. = doctora
D. = don
D.ª = doña
Dña. = doña
Prof. = profesor
Ing. = ingeniero
Lic. = licenciado
Ud. = usted
Uds. = ustedes
Vd. = usted
Vds. = ustedes
EE. UU. = estados unidos
EE.UU. = estados unidos
EEUU = estados unidos
p. ej. = por ejemplo
p.ej. = por ejemplo
a. C. = antes de cristo
a.C. = antes de cristo
d. C. = después de cristo
d.C. = después de cristo
a. m. = de la mañana
a.m. = de la mañana
p. m. = de la tarde
p.m. = de la tarde
etc. = etcétera
pág. = página
págs. = páginas
cap. = capítulo
vol. = volumen
núm. = número
n.º = número
nº = número
N.º = número
Nº = número
art. = artículo
Avda. = avenida
Av. = avenida
C/ = calle
c/ = calle
Pza. = plaza
tel. = teléfono
Tel. = teléfono
tfno. = teléfono
aprox. = aproximadamente
máx. = máximo
mín. = mínimo
min. = minutos
dpto. = departamento
Gral. = general
St. = san
Sto. = santo
Sta. = santa
S.A. = sociedad anónima
S. A. = sociedad anónima
S.L. = sociedad limitada
vs. = contra
ss. = siguientes
Ej. = ejemplo
depto. = departamento
`),
)

/** Words that follow without stress. */
const WEAK = new Map(
  `de la el los las y e o u a al del en con sin por que se lo le les me te nos os su sus mi mis tu tus si ni un`
    .split(' ')
    .map((word) => [word, pronounce(word).replace(/[ˈˌ]/g, '')] as const)
    .filter(([word]) => !['ni', 'nos', 'un', 'sus', 'mis', 'tus'].includes(word)),
)
for (const [word, sound] of rows(`
sus = sus
mis = mis
tus = tus
para = pˌaɾa
como = kˌomo
cuando = kwˌando
donde = dˌonde
porque = pˌoɾke
pero = pˌeɾo
sobre = sˌoβɾe
entre = ˌentɾe
hasta = ˌasta
desde = dˌesðe
hacia = ˌaθja
nuestro = nwˌestɾo
nuestra = nwˌestɾa
quien = kjen
bajo = βˌaxo
ante = ˌante
mientras = mjˌentɾas
cuanto = kwˌanto
`))
  WEAK.set(word, sound)

const KINGS =
  /^(?:felipe|carlos|alfonso|fernando|enrique|juan|luis|pedro|pablo|pío|benedicto|jaime|sancho|jorge|guillermo|eduardo|ricardo|napoleón|francisco|gregorio|clemente|león|inocencio|urbano|isabel|catalina|margarita|ramiro|bermudo|ordoño|federico|nicolás|alejandro|iván|gustavo|cristián|haakon|leopoldo|balduino|alberto|víctor|humberto|ptolomeo|ramsés|augusto)$/
const QUEENS = /^(?:isabel|catalina|margarita|cristina|juana|cleopatra|berenice)$/
const COUNTED =
  /^(?:siglo|siglos|capítulo|tomo|volumen|acto|escena|fase|parte|título|libro|artículo|guerra|congreso|edición|feria|premio|jornadas|anexo|nivel|tipo|grado|distrito|legislatura|dinastía|canto|lección|bloque|liga|apartado)$/
const NUMBERED_NOUN =
  /^(?:congreso|edición|feria|jornadas|aniversario|encuentro|festival|premio|conferencia|reunión|asamblea|bienal|concurso|semana|cumbre)$/

/** Small words that are no noun after a number. */
const NO_NOUN = new Set(
  'y o a de del en el la los las que por para con al es son era fue se su sus no más menos veces como entre hasta desde lo le si e u ni ha han hay pero'.split(
    ' ',
  ),
)

export const SPANISH: Wording = {
  cardinal,
  ordinal,
  beforeNoun,
  nounGender(word) {
    if (word === 'veces') return 'feminine'
    if (word === '' || word !== word.toLowerCase() || NO_NOUN.has(word)) return undefined
    if (
      /^(?:días|mapas|planetas|problemas|programas|sistemas|temas|idiomas|poemas|climas|kilogramas|sofás)$/.test(word)
    )
      return 'masculine'
    return /(?:as?|ciones|siones|dades|tades|tudes|noches|partes|calles|clases|mujeres|veces|voces|luces|manos|ción|dad|noche|mujer|mano|vez|flores|leyes|redes|bases|frases|series|imágenes|llaves|naves|claves)$/.test(
      word,
    )
      ? 'feminine'
      : 'masculine'
  },
  digits: DIGITS,
  months: MONTHS,
  date: (day, month, year) => [
    ...(day === 1 ? ['uno'] : cardinal(String(day))),
    'de',
    MONTHS[month - 1]!,
    ...(year === '' ? [] : ['de', ...cardinal(year)]),
  ],
  time(hour, minute, second) {
    const hours = beforeNoun(cardinal(String(hour)), true)
    const minutes =
      minute === 0
        ? hour < 13
          ? ['en', 'punto']
          : ['horas']
        : minute === 15 && hour < 13
          ? ['y', 'cuarto']
          : minute === 30 && hour < 13
            ? ['y', 'media']
            : ['y', ...cardinal(String(minute))]
    return [
      ...hours,
      ...minutes,
      ...(second === undefined
        ? []
        : ['y', ...beforeNoun(cardinal(String(second)), false), second === 1 ? 'segundo' : 'segundos']),
    ]
  },
  roman(value, previous, next) {
    if (QUEENS.test(previous)) return value <= 10 ? ordinal(String(value), true) : cardinal(String(value))
    if (KINGS.test(previous)) return value <= 10 ? ordinal(String(value)) : cardinal(String(value))
    if (COUNTED.test(previous)) {
      if (/^siglos?$/.test(previous) && value === 1) return ['primero']
      return cardinal(String(value))
    }
    if (/^(?:y|al|a|e)$/.test(previous) && value > 1 && value < 22) return cardinal(String(value))
    if (NUMBERED_NOUN.test(next))
      return ordinal(String(value), /(?:a|ión|as|bre)$/.test(next)).map((w) =>
        next.endsWith('o') || /l$/.test(next) ? w.replace(/(prim|terc)ero$/, '$1er') : w,
      )
    return undefined
  },
  fraction,
  letters: Object.fromEntries(
    rows(`
a = a
b = be
c = ce
d = de
e = e
f = efe
g = ge
h = hache
i = i
j = jota
k = ka
l = ele
m = eme
n = ene
ñ = eñe
o = o
p = pe
q = cu
r = erre
s = ese
t = te
u = u
v = uve
w = uve doble
x = equis
y = ye
z = zeta
`),
  ),
  words: {
    comma: 'coma',
    minus: 'menos',
    point: 'punto',
    at: 'arroba',
    slash: 'barra',
    dash: 'guion',
    underscore: 'guion bajo',
    percent: 'por ciento',
    permille: 'por mil',
    per: 'por',
    degrees: { one: 'grado', many: 'grados' },
    and: 'con',
    to: 'a',
    of: 'de',
    square: ['cuadrado', 'cuadrada'],
    cubic: ['cúbico', 'cúbica'],
  },
  magnitudes: ['millón', 'millones', 'billón', 'billones', 'mil millones'],
  currencies: CURRENCIES,
  units: UNITS,
  signs: Object.fromEntries(
    rows(`
+ = más
= = igual a
< = menor que
> = mayor que
& = y
% = por ciento
§ = sección
© = copyright
® = marca registrada
× = por
÷ = entre
± = más menos
≈ = aproximadamente
≠ = distinto de
≤ = menor o igual que
≥ = mayor o igual que
→ = flecha
° = grados
@ = arroba
# = almohadilla
√ = raíz de
∞ = infinito
‰ = por mil
* = asterisco
/ = barra
`),
  ),
  abbreviations: ABBREVIATIONS,
  neverFinal: new Set(
    'sr sra srta sres dr dra d dña prof ing lic ud uds vd vds pág págs cap vol núm n.º art avda av pza tel tfno gral st sto sta aprox máx mín p ee vs dpto depto ej'.split(
      ' ',
    ),
  ),
  acronymsAsWords: new Set(
    'ONU OTAN UNESCO UNICEF OPEP AVE RENFE NASA FIFA UEFA SIDA COVID IVA PYME RAE TALGO'.split(' '),
  ),
  acronymsAsLetters: new Set(
    'UE EU UK TV PC IA PP CD DVD USB DNI ADN ONG ATM PIB GPS FMI BCE ITV SOS API WC'.split(' '),
  ),
  pronounce: (word) => ({
    sound: pronounce(folded(word, /[a-zñçáéíóúü]/).replaceAll("'", '')),
    source: EXCEPTIONS.has(word) ? 'dictionary' : 'letters',
  }),
  weak: (word) => WEAK.get(word),
  join: joinWords,
}
