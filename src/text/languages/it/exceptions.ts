/** What the rules of Italian miss: sounds of words, mostly borrowed ones, and accents that the list lacks or has wrong. */
const SOUNDS = `
più pjˈu
po pˈɔ
computer kompjˈuter
jeans ʤˈins
club klˈab
video vˈideo
gay ɡˈɛi
jazz ʤˈɛʦ
film fˈilm
web wˈɛb
online onlˈIn
email imˈeil
software sˈɔftwɛr
college kˈɔlleʤ
weekend wikˈɛnd
show ʃˈo
leader lˈider
hotel otˈɛl
wifi wˈaifai
whisky wˈiskɪ
smartphone smartfˈɔn
internet ˈinternet
celsius ʧˈɛlsjʊs
penny pˈɛnnɪ
pence pˈɛns
file fˈail
`
export const EXCEPTIONS: ReadonlyMap<string, string> = new Map(
  SOUNDS.trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]),
)

/** Accents, each on its vowel: grave = open. */
export const OWN_ACCENTS: readonly string[] = `
peccáto perícolo bácio colpévole vèngono tèngono sóno lèttera feríta còppia energía fóssero vólta sólo sóle
apèrto apèrta pèlle intèro intèra línea línee segréto díspari ancóra prìncipi tútti stúpido stúpida
sèmpre dópo sótto sópra ógni quésto quéllo nói vói lèi lùi cosí perciò scéndono
dícono fánno vógliono pòssono dévono dèbbono sánno èrano stánno vánno hánno díco dícono tòlgono sálgono rimángono
muòiono válgono scélgono pòssano vògliano dèbbano vèngano tèngano dícano fácciano ábbiano síano párlano párla párlo párlano parláre dúbito cápita stòmaco lavórano ábitano teléfonano dimèntico desíderano consíderano
hotèl virtù alcún nessún buón ciascún signór dottór professór lunedì vòlte sémina rípida súpera spedíto siéte raccòlto tórnano ragióne ragióni amíco amíci amíca amíche pròprio pròpria pròpri pròprie lavòro cóme violíno periòdico
ùltimo tèrmine númera élla américa áfrica ásia európa bológna nápoli mòdena génova pádova táranto cágliari véneto làzio
miláno róma toríno firènze venézia palèrmo sicília sardégna lombardía itália frància spágna germània inghiltèrra
marìa lucìa sofìa andrèa mattèo giúlia francésca alessándro antònio stéfano mónica bárbara ánna elisabètta
límone limóne príncipe cámera mácchina péntola tégola mándorla ángelo frágola bugía farmacía magía
chílo chilòmetro chilòmetri centìmetro centìmetri millìmetri mètro mètri grámmo grámmi lítro lítri
gennáio febbráio márzo apríle mággio giúgno lúglio agósto settèmbre ottóbre novèmbre dicèmbre
doménica sábato mercoledì
zèro úno dúe quáttro cínque sètte òtto nòve dièci úndici dódici trédici quattórdici quíndici sédici diciassètte diciòtto diciannòve
vénti trénta quaránta cinquánta sessánta settánta ottánta novánta cènto mílle míla milióne milióni miliárdo miliárdi
prímo secóndo tèrzo quárto quínto sèsto sèttimo ottávo nòno dècimo ventèsimo trentèsimo centèsimo
vírgola percènto grádo grádi èuro dòllaro dòllari sterlína sterlíne centèsimo centèsimi chiòcciola pùnto bárra trattíno sottolineáto
`
  .trim()
  .split(/\s+/)
  .filter((word) => /[áéíóúàèìòù]/.test(word))
