/** Spanish: what is said for what is written, by family, and how words sound. */
import { expect, test } from 'vitest'
import { table } from '../../../../test/support/table.ts'
import { languageFor } from '../index.ts'

const spanish = languageFor('es')
const said = (text: string): string => spanish.spokenText(text)
const sound = (text: string): string => spanish.phonemize(text).phonemes

const FAMILIES: Readonly<Record<string, string>> = {
  'whole numbers': `
0 => cero
16 => dieciséis
21 => veintiuno
34 => treinta y cuatro
100 => cien
101 => ciento uno
500 => quinientos
1000 => mil
1.492 => mil cuatrocientos noventa y dos
21.000 => veintiún mil
1.000.000 => un millón
2 345 678 => dos millones trescientos cuarenta y cinco mil seiscientos setenta y ocho
1.000.000.000 => mil millones
007 => cero cero siete`,
  'numbers before nouns': `
1 libro => un libro
1 casa => una casa
21 años => veintiún años
21 casas => veintiuna casas
200 personas => doscientas personas
300 días => trescientos días
31 mujeres => treinta y una mujeres
41 sistemas => cuarenta y un sistemas
1 de cada 10 => uno de cada diez
121.000 habitantes => ciento veintiún mil habitantes
500 veces => quinientas veces`,
  decimals: `
3,5 => tres coma cinco
3,14 => tres coma catorce
0,05 => cero coma cero cinco
1.234,5 => mil doscientos treinta y cuatro coma cinco
2,718 => dos coma siete uno ocho
-4 => menos cuatro
-1,5 => menos uno coma cinco
99,9 => noventa y nueve coma nueve
10,25 => diez coma veinticinco
3.14 => tres punto catorce`,
  ordinals: `
1.º => primero
1ª => primera
2.º piso => segundo piso
3ª planta => tercera planta
1.er premio => primer premio
3er lugar => tercer lugar
10º => décimo
12ª => duodécima
15.º => decimoquinto
21ª => vigésima primera
100º => centésimo`,
  dates: `
3 de mayo de 2024 => tres de mayo de dos mil veinticuatro
1 de enero => uno de enero
12/10/1492 => doce de octubre de mil cuatrocientos noventa y dos
1-2-1999 => uno de febrero de mil novecientos noventa y nueve
2024-07-05 => cinco de julio de dos mil veinticuatro
31.12.2000 => treinta y uno de diciembre de dos mil
El 6 de enero llega. => El seis de enero llega.
15/8/23 => quince de agosto de dos mil veintitrés
8 de marzo del 2010 => ocho de marzo de dos mil diez
25 DE DICIEMBRE => veinticinco de diciembre`,
  times: `
a las 15:30 => a las quince y treinta
a las 9:15 => a las nueve y cuarto
a las 8:30 => a las ocho y media
a la 1:00 => a la una en punto
a las 21:05 => a las veintiuna y cinco
las 10:20 h => las diez y veinte
12:45 => doce y cuarenta y cinco
a las 7.40 => a las siete y cuarenta
a las 18h30 => a las dieciocho y treinta
00:10:01 => cero y diez y un segundo
son las 3 p. m. => son las tres de la tarde.`,
  money: `
5 € => cinco euros
1 € => un euro
5,50 € => cinco euros con cincuenta céntimos
1.250,01 € => mil doscientos cincuenta euros con un céntimo
$20 => veinte dólares
£1 => una libra
200 £ => doscientas libras
5 millones de euros => cinco millones de euros
5 millones € => cinco millones de euros
30 EUR => treinta euros
$ 1.000 => mil dólares`,
  'percent and units': `
25 % => veinticinco por ciento
3,5% => tres coma cinco por ciento
2 ‰ => dos por mil
120 km/h => ciento veinte kilómetros por hora
1 kg => un kilo
5 cm => cinco centímetros
30 m² => treinta metros cuadrados
21 t => veintiuna toneladas
20 °C => veinte grados celsius
16 GB => dieciséis gigabytes
200 ha => doscientas hectáreas
-3 °C => menos tres grados celsius`,
  abbreviations: `
El Sr. López => El señor López
la Dra. Ruiz => la doctora Ruiz
D. José => don José
D.ª Ana => doña Ana
EE. UU. y Canadá => estados unidos y Canadá
p. ej. este => por ejemplo este
siglo I a. C. y después => siglo primero antes de cristo y después
pág. 3 => página tres
n.º 7 => número siete
Avda. de América => avenida de América
C/ Mayor, 5 => calle Mayor, cinco
peras, manzanas, etc. => peras, manzanas, etcétera.`,
  'Roman numerals': `
Felipe VI => Felipe sexto
Alfonso XIII => Alfonso trece
Isabel II => Isabel segunda
Juan XXIII => Juan veintitrés
Carlos V => Carlos quinto
el siglo XX => el siglo veinte
siglos XV y XVI => siglos quince y dieciséis
capítulo IV => capítulo cuatro
el III Congreso => el tercer Congreso
la II edición => la segunda edición
la Guerra I => la Guerra uno`,
  addresses: `
ana@correo.es => ana arroba correo punto E S
www.ejemplo.com => ejemplo punto com
https://ejemplo.org/hola => ejemplo punto org barra hola
luis_gil@web.com => luis guion bajo gil arroba web punto com
hola-mundo.net => hola guion mundo punto net
ve a ejemplo.com. => ve a ejemplo punto com.
a.b@c.org => A punto B arroba C punto org
info@tienda24.com => info arroba tienda veinticuatro punto com
www.rae.es/dpd => rae punto E S barra D P D
192.168.0.1 => ciento noventa y dos punto ciento sesenta y ocho punto cero punto uno`,
  'acronyms and letters': `
la ONU => la ONU
el FBI => el F B I
la OTAN => la OTAN
el DNI => el D N I
la UE => la U E
un CD => un C D
el AVE => el AVE
la RAE => la RAE
U.R.S.S. => U R S S
el plan B => el plan B
NO FUMAR EN ESTE LUGAR => NO FUMAR EN ESTE LUGAR`,
  'fractions, ranges, signs': `
1/2 => medio
3/4 => tres cuartos
2/3 => dos tercios
10-20 años => diez a veinte años
2 + 2 = 4 => dos más dos igual a cuatro
3 × 4 => tres por cuatro
Pérez & Gil => Pérez y Gil
2 ½ => dos con medio
+34 600 123 456 => más tres cuatro, seis cero cero, uno dos tres, cuatro cinco seis
91 123 45 67 => nueve uno, uno dos tres, cuatro cinco, seis siete
5 > 3 => cinco mayor que tres`,
}

test.each(Object.entries(FAMILIES))('%s', (_, lines) => {
  const cases = table(lines)
  expect(cases.length).toBeGreaterThanOrEqual(10)
  expect(cases.map(([written]) => [written, said(written)])).toEqual(cases)
})

test('spelling tells the sound', () => {
  const cases = table(`
casa => kˈasa
queso => kˈeso
guerra => ɡˈera
pingüino => pˌiŋɡuˈino
cielo => θjˈelo
zapato => θapˈato
chico => ʧˈiko
llave => ʎˈaβe
año => ˈaɲo
jamón => xamˈon
gente => xˈɛnte
perro => pˈero
pero => pˈeɾo
alrededor => ˌalreðeðˈoɾ
huevo => wˈeβo
yo => ʝˈo
rey => rˈA
causa => kˈWsa
país => paˈis
ciudad => θjuðˈad
examen => eksˈamen
psicología => sˌikoloxˈia
construir => kˌonstɾuˈiɾ
rápidamente => rˈapiðamˈente
vergüenza => bˌeɾɣuˈɛnθa`)
  expect(cases.map(([word]) => [word, sound(word)])).toEqual(cases)
})

test('words without stress, and what neighbours do to each other', () => {
  const cases = table(`
el gato de la casa => el ɣˈato ðe la kˈasa
un beso => ˈum bˈeso
un gato => ˈuŋ ɡˈato
un dedo => ˈun dˈeðo
los dedos => los ðˈeðos
los dedos, dos => los ðˈeðos, dˈos
¿Qué? => kˈe?
la libertad es => la lˌiβeɾtˈað ˈes
para ti => pˌaɾa tˈi
con yo => kon ʤˈo`)
  expect(cases.map(([text]) => [text, sound(text)])).toEqual(cases)
})

test('sentences end where Spanish ends them', () => {
  const split = (text: string): string[] => spanish.splitSentences(text).map((sentence) => sentence.text)
  expect(split('El Sr. López llegó. ¿Qué dijo? ¡Nada!')).toEqual(['El Sr. López llegó.', '¿Qué dijo?', '¡Nada!'])
  expect(split('Vive en EE. UU. desde 1990. Es la Dra. Gil.')).toEqual([
    'Vive en EE. UU. desde 1990.',
    'Es la Dra. Gil.',
  ])
  expect(split('Ver pág. 3. Luego 1.250 personas.')).toEqual(['Ver pág. 3.', 'Luego 1.250 personas.'])
  expect(split('Uno… dos. «Tres.» Cuatro')).toEqual(['Uno… dos.', '«Tres.»', 'Cuatro'])
  expect(split('J. L. Borges nació. Así fue')).toEqual(['J. L. Borges nació.', 'Así fue'])
  expect(split('Título\n\nTexto que\nsigue. Fin.')).toEqual(['Título', 'Texto que\nsigue.', 'Fin.'])
})

test('every word knows its place, and every symbol is one that the voices have', () => {
  const text = 'El Dr. Núñez pagó 1.250,50 € a las 8:30 («sí») — ¿verdad?'
  const { phonemes, words } = spanish.phonemize(text)
  for (const word of words) expect(text.slice(word.start, word.end)).toBe(word.text)
  expect(words.map((word) => word.text)).toEqual([
    'El',
    'Dr.',
    'Núñez',
    'pagó',
    '1.250,50 €',
    'a',
    'las',
    '8:30',
    'sí',
    'verdad',
  ])
  for (const symbol of phonemes) expect(spanish.symbols).toContain(symbol)
  expect(spanish.phonemize('😀')).toEqual({ phonemes: '', words: [] })
})

test('given sounds are taken as they are', () => {
  const { phonemes, words } = spanish.phonemize('Hola Joe.', [{ start: 5, end: 8, phonemes: 'ʤˈou' }])
  expect(phonemes).toBe('ˈola ʤˈou.')
  expect(words[1]).toMatchObject({ text: 'Joe', source: 'given' })
})
