/**
 * Lines as people write them: mail, receipts, logs and so on, and what is said for them. The first part of each table was
 * written before the rules were looked at, the second after they were extended. Capitals are not compared.
 */
import { describe, expect, test } from 'vitest'
import { normalize, spokenText } from './normalize.ts'
import { splitSentences } from './sentences.ts'

const said = (text: string): string[] =>
  splitSentences(text).map((sentence) => spokenText(normalize(sentence.text)).toLowerCase())

const LINES: Readonly<Record<string, readonly (readonly [string, ...string[]])[]>> = {
  mail: [
    [
      'Hi team, standup moves to 9:30 tomorrow; dial 1-888-555-0142, PIN 4471#.',
      'hi team, standup moves to nine thirty tomorrow; dial one, eight eight eight, five five five, zero one four two, pin four four seven one pound.',
    ],
    [
      'Re: Re: Fwd: Invoice #INV-2023-0098 (due 11/30)',
      're: re: forward: invoice number i n v twenty twenty three, zero zero nine eight (due november thirtieth)',
    ],
    [
      'Pls send the signed PDF by COB Fri 10/6, thx!',
      'please send the signed p d f by cob friday october sixth, thanks!',
    ],
    [
      'Order #114-3941689-8772232 shipped via UPS; tracking 1Z999AA10123456784.',
      'order number one one four, three nine four one six eight nine, eight seven seven two two three two shipped via u p s; tracking one z nine nine nine a a one zero one two three four five six seven eight four.',
    ],
    [
      'Your verification code is 830114. It expires in 10 min.',
      'your verification code is eight three zero one one four.',
      'it expires in ten minutes.',
    ],
    [
      'Use code SAVE20 for 20% off orders $75+.',
      'use code save twenty for twenty percent off orders seventy five dollars plus.',
    ],
    // Written after the rules.
    [
      'Re: RMA #A12-4456, refund of $89.99 within 5-7 bus. days',
      're: r m a number a twelve, forty four fifty six, refund of eighty nine dollars and ninety nine cents within five to seven bus. days',
    ],
    [
      'FYI the mtg is moved to Tues 10/17 @ 2:30pm ET in Rm 4',
      'f y i the meeting is moved to tuesday october seventeenth at two thirty p m e t in room four',
    ],
    ['Pkg will arrive btwn 1-3pm tmrw', 'package will arrive between one to three p m tomorrow'],
  ],
  receipts: [
    ['Subtotal: $42.50', 'subtotal: forty two dollars and fifty cents'],
    ['Tax (8.875%): $3.77', 'tax (eight point eight seven five percent): three dollars and seventy seven cents'],
    ['TOTAL $46.27', 'total forty six dollars and twenty seven cents'],
    ['Visa ending in 4821', 'visa ending in four eight two one'],
    ['CASH BACK $.00', 'cash back zero dollars'],
    [
      '2 x Latte @ $4.75 = $9.50',
      'two x latte at four dollars and seventy five cents equals nine dollars and fifty cents',
    ],
    ['1 doz. eggs $3.29/dz', 'one dozen eggs three dollars and twenty nine cents per dozen'],
    ['Qty 3 @ 2/$5', 'quantity three at two for five dollars'],
    // Written after the rules.
    ['4 @ $2.50/ea = $10.00', 'four at two dollars and fifty cents each equals ten dollars'],
    ['1 gal. milk 2% $3.89', 'one gallon milk two percent three dollars and eighty nine cents'],
    ['Chg due $0.27, MC ending in 0091', 'change due twenty seven cents, m c ending in zero zero nine one'],
    [
      'Order #: 55-20931, qty: 12, SKU 77AB-9',
      'order: five five, two zero nine three one, quantity: twelve, s k u seventy seven a b nine',
    ],
  ],
  sport: [
    ['Lakers 112, Celtics 108 (OT)', 'lakers one hundred twelve, celtics one hundred eight (o t)'],
    ['Nadal def. Federer 6-4, 3-6, 7-6(5)', 'nadal defeated federer six to four, three to six, seven to six (five)'],
    ['He went 3-for-4 with 2 HRs and 5 RBIs.', 'he went three for four with two home runs and five r b is.'],
    ['The Braves won Game 7, 5-4, in the 10th.', 'the braves won game seven, five to four, in the tenth.'],
    [
      'She ran a 4:12 mile and a 2:58:41 marathon.',
      'she ran a four twelve mile and a two hours fifty eight minutes and forty one seconds marathon.',
    ],
    ['Verstappen +0.324s', 'verstappen plus zero point three two four seconds'],
    ['Record: 10-6-1', 'record: ten, six, one'],
    ["They're up 3-1 in the best-of-7 series.", "they're up three to one in the best of seven series."],
    ["Usain Bolt's 9.58 WR still stands.", "usain bolt's nine point five eight w r still stands."],
    ['3rd & 8 at the NE 35', 'third and eight at the n e thirty five'],
    // Written after the rules.
    ['Celtics def. Heat 104-98 in OT', 'celtics defeated heat one hundred four to ninety eight in o t'],
    ['Pujols: 2-for-4, HR, 3 RBI', 'pujols: two for four, h r, three r b i'],
    ['W 24-17, L 10-31, T 20-20', 'w twenty four to seventeen, l ten to thirty one, t twenty to twenty'],
    [
      'Djokovic leads 6-3, 4-6, 5-2 (40-15)',
      'djokovic leads six to three, four to six, five to two (forty to fifteen)',
    ],
    [
      'A 1:59:40 marathon, i.e. 2:50 per km',
      'a one hour fifty nine minutes and forty seconds marathon, i e two fifty per kilometer',
    ],
    ['Record 12-4-1 (.735)', 'record twelve, four, one (point seven three five)'],
  ],
  recipes: [
    [
      'Preheat oven to 375°F (190°C).',
      'preheat oven to three hundred seventy five degrees fahrenheit (one hundred ninety degrees celsius).',
    ],
    ['Add 1 1/2 cups flour and 3/4 tsp. salt.', 'add one and a half cups flour and three quarters teaspoon salt.'],
    ['Simmer 20-25 min., stirring occasionally.', 'simmer twenty to twenty five minutes, stirring occasionally.'],
    ['2 lb. ground beef (80/20)', 'two pounds ground beef (eighty twenty)'],
    ['1 (14.5-oz.) can diced tomatoes', 'one (fourteen point five ounce) can diced tomatoes'],
    ['½ cup sugar, plus 2 Tbsp.', 'one half cup sugar, plus two tablespoons.'],
    ['Bake @ 350 for 45 min', 'bake at three hundred fifty for forty five minutes'],
    ['Use a 9x13 pan or two 8" rounds.', 'use a nine by thirteen pan or two eight inch rounds.'],
    ['Serves 4–6.', 'serves four to six.'],
    [
      'Whisk in 250 ml milk & 100g butter.',
      'whisk in two hundred fifty milliliters milk and one hundred grams butter.',
    ],
    // Written after the rules.
    [
      'Melt 2 oz. chocolate @ 110°F; chill 1 hr.',
      'melt two ounces chocolate at one hundred ten degrees fahrenheit; chill one hour.',
    ],
    ['1 c. sugar, 2 T. butter, 1/4 t. salt', 'one cup sugar, two tablespoons butter, one quarter teaspoon salt'],
    ['3-4 lb. chicken, cut into 8 pcs.', 'three to four pounds chicken, cut into eight pieces.'],
    ['Heat oil to 350-375F.', 'heat oil to three hundred fifty to three hundred seventy five degrees fahrenheit.'],
    ['A 12-in. skillet & a 13x9-in. dish', 'a twelve inch skillet and a thirteen by nine inch dish'],
  ],
  chats: [
    ['lol brb in 5 mins', 'lol b r b in five minutes'],
    ["omg that's gr8 :)", "omg that's great"],
    ['idk, maybe ~6ish? w/ or w/o kids', 'idk, maybe about six ish? with or without kids'],
    ['u there?? call me asap @ 555-0199', 'u there? call me asap at five five five, zero one nine nine'],
    ['ETA 7:45ish, traffic on I-95 is nuts', 'eta seven forty five ish, traffic on i ninety five is nuts'],
    ['happy bday!!! 🎂🎉 ur 30 now lol', 'happy birthday!', 'your thirty now lol'],
    ['see you @ 8pm 2nite', 'see you at eight p m tonight'],
    ['k thx bye <3', 'k thanks bye'],
    // Written after the rules.
    ['Hi Sam, can u call me b4 6? Thx', 'hi sam, can u call me before six?', 'thanks'],
    ['wyd 2nite? lmk asap', 'wyd tonight? l m k asap'],
    ['gonna be ~15min late sry', 'gonna be about fifteen minutes late sorry'],
    ['wanna c a movie @ 7:45?', 'wanna c a movie at seven forty five?'],
  ],
  logs: [
    [
      '2023-10-05T14:32:07Z ERROR [main] Connection refused: 10.0.0.12:5432',
      'october fifth twenty twenty three, fourteen thirty two error (main) connection refused: one zero dot zero dot zero dot one two, port five four three two',
    ],
    [
      'GET /api/v2/users/42 HTTP/1.1 404 17ms',
      'get slash a p i slash v two slash users slash forty two h t t p slash one point one four oh four seventeen milliseconds',
    ],
    ['Build #1287 failed after 3m 12s', 'build number twelve eighty seven failed after three minutes twelve seconds'],
    ['npm ERR! code ENOENT', 'n p m err! code enoent'],
    [
      'Ping 8.8.8.8: 12.4 ms avg, 0% loss',
      'ping eight dot eight dot eight dot eight: twelve point four milliseconds avg, zero percent loss',
    ],
    [
      'CPU 87% | RAM 6.2/16 GB | Disk 412 GB free',
      'c p u eighty seven percent, ram six point two slash sixteen gigabytes, disk four hundred twelve gigabytes free',
    ],
    ['sha256: 9f86d081', 'sha two hundred fifty six: nine f eight six d zero eight one'],
    ['Segfault at 0x7fff5a3c', 'segfault at zero x seven f f f five a three c'],
    ['localhost:8080/admin?debug=1', 'localhost port eighty eighty slash admin question mark debug equals one'],
    ['/usr/local/bin/python3 -m venv .env', 'slash usr slash local slash bin slash python three m venv dot env'],
    ['Edit config.yaml and run setup.sh', 'edit config dot yaml and run setup dot s h'],
    // Written after the rules.
    [
      '2024-01-31 08:15:22.123 WARN pool-3-thread-7 retry 2/5 in 500ms',
      'january thirty first twenty twenty four, eight fifteen warn pool three thread seven retry two of five in five hundred milliseconds',
    ],
    [
      'HTTP 503 after 30s; see RFC 7231 §6.6.4',
      'h t t p five oh three after thirty seconds; see r f c seven thousand two hundred thirty one section six point six point four',
    ],
    [
      'node v18.17.1 on x86_64, glibc 2.31',
      'node version eighteen point seventeen point one on x eighty six sixty four, glibc two point three one',
    ],
    ['10.1.2.0/24 via eth0', 'one zero dot one dot two dot zero slash twenty four via eth zero'],
    ['MAC 00:1A:2B:3C:4D:5E', 'mac zero zero, one a, two b, three c, four d, five e'],
  ],
  law: [
    ['Pursuant to Sec. 12(b)(6), the motion is DENIED.', 'pursuant to section twelve (b) (six), the motion is denied.'],
    ['42 U.S.C. § 1983', 'forty two u s c section nineteen eighty three'],
    [
      'Smith v. Jones, 410 U.S. 113 (1973)',
      'smith versus jones, four hundred ten u s one hundred thirteen (nineteen seventy three)',
    ],
    ['Art. IV, § 2, cl. 1', 'article four, section two, clause one'],
    ['See Ex. A, pp. 12-15.', 'see exhibit a, pages twelve to fifteen.'],
    ['The Parties agree to ¶ 7 of Exhibit B.', 'the parties agree to paragraph seven of exhibit b.'],
    ['Pub. L. No. 111-148', 'public law one eleven, one forty eight'],
    ['Case No. 22-cv-01234', 'case number twenty two c v zero one two three four'],
    ['Section 501(c)(3) organizations', 'section five oh one (c) (three) organizations'],
    // Written after the rules.
    ['28 C.F.R. § 35.104(4)', 'twenty eight c f r section thirty five point one zero four (four)'],
    [
      'Roe v. Wade, 410 U.S. 113, 153 (1973)',
      'roe versus wade, four hundred ten u s one hundred thirteen, one hundred fifty three (nineteen seventy three)',
    ],
    ['Ex. 12, ¶¶ 3-5', 'exhibit twelve, paragraphs three to five'],
    [
      'Plaintiff, Acme Corp., d/b/a "Acme," alleges...',
      'plaintiff, acme corporation, doing business as” acme,” alleges.',
    ],
    ['No. 19-1392, slip op. at 4', 'number nineteen, thirteen ninety two, slip op. at four'],
  ],
  medicine: [
    [
      'BP 120/80 mmHg, HR 72 bpm, SpO2 98%.',
      'b p one hundred twenty over eighty millimeters of mercury, h r seventy two beats per minute, s p o two ninety eight percent.',
    ],
    ['Take 500 mg PO BID x 10 days.', 'take five hundred milligrams p o bid x ten days.'],
    [
      'Hgb 13.5 g/dL; WBC 7.2 x10^9/L',
      'h g b thirteen point five grams per deciliter; w b c seven point two times ten to the power of nine per liter',
    ],
    [
      'Amoxicillin 250mg/5mL, 1 tsp q8h',
      'amoxicillin two hundred fifty milligrams per five milliliters, one teaspoon every eight hours',
    ],
    [
      'HbA1c 6.1%, LDL 130 mg/dL',
      'h b a one c six point one percent, l d l one hundred thirty milligrams per deciliter',
    ],
    ['Dx: Type II diabetes', 'd x: type two diabetes'],
    ['5\'10", 182 lbs., BMI 26.1', 'five foot ten, one hundred eighty two pounds, b m i twenty six point one'],
    // Written after the rules.
    ['Lisinopril 10mg PO QD; f/u in 2 wks.', 'lisinopril ten milligrams p o q d; follow up in two weeks.'],
    [
      'WBC 11.2K, Na 138 mEq/L, Cr 0.9',
      'w b c eleven point two thousand, na one hundred thirty eight milliequivalents per liter, c r zero point nine',
    ],
    ['45 y/o M w/ HTN, DM2', 'forty five year old m with h t n, d m two'],
    ['Vision 20/40 OD, 20/25 OS', 'vision twenty forty od, twenty twenty five o s'],
  ],
  television: [
    ['8:00-8:30pm Jeopardy! (Ep. 112)', 'eight to eight thirty p m jeopardy!', '(episode one hundred twelve)'],
    ['Tonight @ 9 ET/PT on HBO', 'tonight at nine e t slash p t on h b o'],
    ['S03E07: "The Heist" (TV-MA)', 's zero three e zero seven:” the heist” (t v ma)'],
    ['Ch. 7 | 10:00 PM | News at Ten', 'chapter seven, ten p m, news at ten'],
    ['Season 2, Ep. 5 airs Sun., Nov. 12', 'season two, episode five airs sunday, november twelfth'],
    ['6am–9am The Morning Show', 'six a m to nine a m the morning show'],
    ['Rated PG-13, 2h 14m', 'rated p g thirteen, two hours fourteen minutes'],
    // Written after the rules.
    ['9/8c Thurs. on ABC', 'nine, eight central thursday on a b c'],
    ['S1 E4 "Pilot", 42 min., TV-14', 'season one episode four” pilot”, forty two minutes, t v fourteen'],
    ['12:05a Late Night', 'twelve oh five a m late night'],
  ],
  addresses: [
    ['221B Baker St., London NW1 6XE', 'two twenty one b baker street, london n w one six x e'],
    [
      '1600 Pennsylvania Ave NW, Washington, DC 20500',
      'sixteen hundred pennsylvania avenue northwest, washington, d c two zero five zero zero',
    ],
    [
      '350 5th Ave., Fl. 32, New York, NY 10118',
      'three fifty fifth avenue, floor thirty two, new york, n y one zero one one eight',
    ],
    [
      'P.O. Box 1147, St. Paul, MN 55101-1147',
      'p o box eleven forty seven, saint paul, m n five five one zero one, one one four seven',
    ],
    ['Apt 4B, 17 W. 85th St.', 'apartment four b, seventeen west eighty fifth street.'],
    ['Hwy 101 N, Exit 433A', 'highway one oh one north, exit four thirty three a'],
    ['Suite 2200, One World Trade Ctr.', 'suite twenty two hundred, one world trade center.'],
    ['Rte. 66 & I-40 W', 'route sixty six and i forty west'],
    ['Rm. 305, Bldg. C', 'room three oh five, building c'],
    // Written after the rules.
    [
      '742 Evergreen Terrace, Springfield, OR 97477',
      'seven forty two evergreen terrace, springfield, or nine seven four seven seven',
    ],
    [
      '#5-1200 W. Georgia St., Vancouver, BC V6E 4R2',
      'number five, twelve hundred west georgia street, vancouver, b c v six e four r two',
    ],
    ['12 E. 49th St., 3rd Fl.', 'twelve east forty ninth street, third floor.'],
    ['US-101 S at Exit 12B', 'u s one oh one south at exit twelve b'],
  ],
  'dates and times of letters': [
    [
      'The meeting is on Sept. 3rd, 2024 at 3 p.m.',
      'the meeting is on september third twenty twenty four at three p m.',
    ],
    ['DOB: 07/04/1976', 'd o b: july fourth nineteen seventy six'],
    ['Q3 FY24 revenue rose 12% YoY.', 'q three f y twenty four revenue rose twelve percent yoy.'],
    ['Mid-1970s, early 60s', 'mid nineteen seventies, early sixties'],
    ['c. 1450 BC to AD 79', 'circa fourteen fifty b c to a d seventy nine'],
    ['Born 5 May 1821 (aged 51)', 'born the fifth of may eighteen twenty one (aged fifty one)'],
    ['Week of 10/02', 'week of october second'],
    ['Meet at 0900 hrs.', 'meet at zero nine hundred hours.'],
    ['Open 24/7/365', 'open twenty four seven three sixty five'],
    ['Half past 6', 'half past six'],
    ['The 1:15 bus', 'the one fifteen bus'],
    // Written after the rules.
    ["Wed., Mar. 6, '24", 'wednesday, march sixth, twenty four'],
    ["in the mid '60s, ca. 1965", 'in the mid sixties, circa nineteen sixty five'],
    ['Jan. 5 - Feb. 12, 2023', 'january fifth to february twelfth twenty twenty three'],
    ['the week of 3/4', 'the week of march fourth'],
  ],
  amounts: [
    ['€1.250,50 total', 'one thousand two hundred fifty euros and fifty cents total'],
    ['$1.99/ea', 'one dollar and ninety nine cents each'],
    ['50¢ each', 'fifty cents each'],
    ['Rs. 500', 'five hundred rupees'],
    ['$100k salary', 'one hundred thousand dollars salary'],
    ['$5/hr. min. wage', 'five dollars per hour minimum wage'],
    ['a $1 million home', 'a one million dollar home'],
    ['AAPL $189.30 ▲ 0.8%', 'a a p l one hundred eighty nine dollars and thirty cents up zero point eight percent'],
    // Written after the rules.
    ['€2,50 or £1.99', 'two euros and fifty cents or one pound and ninety nine pence'],
    ['$2.3-2.5 bn', 'two point three to two point five billion dollars'],
    ['20c coin, 5p stamp', 'twenty cent coin, five pence stamp'],
    ['+£300 / -€20', 'plus three hundred pounds minus twenty euros'],
  ],
  'numbers that are called': [
    ['Call (415) 555-2671 ext. 12', 'call four one five, five five five, two six seven one extension twelve'],
    ['Dial *67 or #31#', 'dial star six seven or pound three one pound'],
    [
      'Emergency: 911 (US), 999 (UK), 112 (EU)',
      'emergency: nine one one (u s), nine nine nine (u k), one one two (e u)',
    ],
    ['Text STOP to 22395', 'text stop to two two three nine five'],
    ['555-1234 x7', 'five five five, one two three four extension seven'],
    ['Acct. no. 00234567', 'account number zero zero two three four five six seven'],
    ['ZIP: 02139', 'zip: zero two one three nine'],
    ['License plate 7ABC123', 'license plate seven a b c one two three'],
    // Written after the rules.
    [
      'Call +1 (800) 555-0100 x 22',
      'call plus one, eight zero zero, five five five, zero one zero zero extension two two',
    ],
    ['1300 655 506', 'one three zero zero, six five five, five zero six'],
    ['Tel. 01 45 67 89 00', 'telephone zero one, four five, six seven, eight nine, zero zero'],
    [
      'Sort code 12-34-56, a/c 87654321',
      'sort code one two, three four, five six, account eight seven six five four three two one',
    ],
    ['PIN: 0420; CVV 113', 'pin: zero four two zero; c v v one one three'],
  ],
  devices: [
    ['IPv4 192.168.0.1 and ::1', 'ipv four one nine two dot one six eight dot zero dot one and:: one'],
    ['USB 3.2 Gen 2x2', 'u s b three point two gen two by two'],
    [
      '65" 4K TV, 3840x2160 @ 120Hz',
      'sixty five inch four k t v, thirty eight forty by twenty one sixty at one hundred twenty hertz',
    ],
    ['i7-13700K CPU, RTX 4090', 'i seven, one three seven zero zero k c p u, r t x four thousand ninety'],
    ['16GB DDR5-5600', 'sixteen gigabytes d d r five, fifty six hundred'],
    ['5GHz Wi-Fi, 802.11ac', 'five gigahertz wi-fi, eight oh two dot eleven a c'],
    ['A 12V 5A adapter', 'a twelve volts five amps adapter'],
    ['100–240V~ 50/60Hz', 'one hundred to two hundred forty volts fifty, sixty hertz'],
    // Written after the rules.
    ['27" iMac, 5K, 8 GB RAM, 1 TB', 'twenty seven inch imac, five k, eight gigabytes ram, one terabyte'],
    ['Wi-Fi 6E, BT 5.3, IP68', 'wi-fi six e, b t five point three, i p sixty eight'],
    ['12V/2A DC, 5V⎓3A', 'twelve volts, two amps d c, five volts three amps'],
  ],
  measures: [
    ['-5°C to +3°C', 'minus five degrees celsius to plus three degrees celsius'],
    ['5 sq. ft.', 'five square feet.'],
    ['10x10 ft.', 'ten by ten feet.'],
    ['3 in. x 5 in.', 'three inches by five inches.'],
    ['5km run in 25:30', 'five kilometers run in twenty five thirty'],
    ['The 100m dash', 'the one hundred meter dash'],
    ['12-oz. can', 'twelve ounce can'],
    ['30° angle', 'thirty degree angle'],
    // Written after the rules.
    ['1/8" drill bit', 'one eighth inch drill bit'],
    ['25 sq m, 40 cu. ft.', 'twenty five square meters, forty cubic feet.'],
    ['65 km/h (40 mph)', 'sixty five kilometers per hour (forty miles per hour)'],
    ['10 mL/hr', 'ten milliliters per hour'],
  ],
  sums: [
    ['E = mc²', 'e equals m c squared'],
    ['x² + y² = z²', 'x squared plus y squared equals z squared'],
    ['3 × 4 ÷ 2 = 6', 'three times four divided by two equals six'],
    ['f(x) = 2x + 1', 'f (x) equals two x plus one'],
    ['1.5e-3', 'one point five times ten to the power of minus three'],
    ['-7 - -3', 'minus seven minus minus three'],
    // Written after the rules.
    ['y = 3x² - 2x + 1', 'y equals three x squared minus two x plus one'],
    ['2^10 = 1024', 'two to the power of ten equals one thousand twenty four'],
  ],
  'names of people and marks': [
    ["King Charles III's coronation", "king charles the third's coronation"],
    ['Malcolm X and WWII', 'malcolm x and world war two'],
    ['Act III, Scene ii', 'act three, scene two'],
    ['Elizabeth I ruled.', 'elizabeth the first ruled.'],
    ['Mr. J. R. Smith Jr., M.D.', 'mister j r smith junior, m d.'],
    ['Gen. Lee vs. Gov. Cox', 'general lee versus governor cox'],
    ['Lt. Col. Jones', 'lieutenant colonel jones'],
    ['R&B, AT&T, Q&A', 'r and b, a t and t, q and a'],
    ['A+ grade, B- grade', 'a plus grade, b minus grade'],
    // Written after the rules.
    ['Pope Leo XIV, Queen Mary II', 'pope leo the fourteenth, queen mary the second'],
    ['Type I error, type II error', 'type one error, type two error'],
    ["Mr. & Mrs. J. P. O'Neil III", "mister and missus j p o'neil the third"],
    ['Vol. 3 No. 2, pp. 11–19', 'volume three number two, pages eleven to nineteen'],
    ["Gov't vs. Nat'l Ass'n", 'government versus national association'],
    ['A-1, B+, C-', 'a one, b plus, c minus'],
  ],
  'a third set': [
    [
      'Meeting ID: 845 2231 9907, Passcode: 4tR9q2',
      'meeting i d: eight four five, two two three one, nine nine zero seven, passcode: four t r nine q two',
    ],
    [
      'Call us Mon–Sat, 8:30am–7pm, at (312) 555-0123',
      'call us monday to saturday, eight thirty a m to seven p m, at three one two, five five five, zero one two three',
    ],
    ['3 for $10 or $3.99 ea.', 'three for ten dollars or three dollars and ninety nine cents each.'],
    ['Chelsea 0-0 Leeds (Leeds win 4-3 on pens)', 'chelsea zero to zero leeds (leeds win four to three on pens)'],
    [
      'Bake 10-12 min. at 375°; cool 5 min.',
      'bake ten to twelve minutes at three hundred seventy five degrees; cool five minutes.',
    ],
    ['my # is 206-555-0134', 'my number is two zero six, five five five, zero one three four'],
    [
      '[2023-11-02 09:12:44] INFO: user_id=4821 logged in from 203.0.113.9',
      '(november second twenty twenty three, nine twelve) info: user id equals four thousand eight hundred twenty one logged in from two zero three dot zero dot one one three dot nine',
    ],
    ['MRI of L5-S1 on 3/14/23', 'm r i of l five s one on march fourteenth twenty three'],
    ['Tues at 9/8c', 'tuesday at nine, eight central'],
    ['New Girl S2E14', 'new girl season two episode fourteen'],
    [
      '1455 Market St #600, SF, CA 94103',
      'fourteen fifty five market street number six hundred, s f, c a nine four one zero three',
    ],
    ['Exit 24 off I-95 N, then left on Rt. 9', 'exit twenty four off i ninety five north, then left on route nine'],
    ['from 11/4 to 11/18', 'from november fourth to november eighteenth'],
    ['72 dpi, 8.5" x 11"', 'seventy two dpi, eight point five inches by eleven inches'],
    ['5 ft. 11 in., 165 lb.', 'five feet eleven inches, one hundred sixty five pounds.'],
    ['Solve 3x - 7 = 11', 'solve three x minus seven equals eleven'],
    ['Queen Elizabeth II, 1926–2022', 'queen elizabeth the second, nineteen twenty six to twenty twenty two'],
    ['Ch. III, p. 47, fn. 2', 'chapter three, page forty seven, footnote two'],
    ['St. Louis, Mo., & Ft. Lauderdale, Fla.', 'saint louis, missouri, and fort lauderdale, florida.'],
  ],
}

for (const [kind, lines] of Object.entries(LINES)) {
  describe(kind, () => {
    test.each(lines)('%j is said %j', (written, ...sentences) => {
      expect(said(written)).toEqual(sentences)
    })
  })
}
