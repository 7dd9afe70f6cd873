/** Words of Spanish whose sound the rules miss: loanwords and names. */
const LISTED = `
méxico mˈɛxiko
mexicano mˌexikˈano
mexicana mˌexikˈana
mexicanos mˌexikˈanos
mexicanas mˌexikˈanas
texas tˈexas
ser sˈer
web wˈeb
whisky wˈiski
software sˈoftweɾ
robots roβˈots
washington wˈaʃiŋɡton
pizza pˈiʦa
pizzas pˈiʦas
jazz ʤˈas
show ʃˈow
online onlˈIn
internet ˌinteɾnˈet
email imˈAl
wifi wˈifi
`
export const EXCEPTIONS: ReadonlyMap<string, string> = new Map(
  LISTED.trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]),
)
