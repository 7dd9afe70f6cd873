/** The text front end's data in a browser: fetched before it is asked for. */
const held = new Map<string, Uint8Array>()

/** Gives the contents of src/text/languages/LANGUAGE/data/NAME.br. */
export const provideData = (language: string, name: string, contents: Uint8Array): void =>
  void held.set(`${language}/${name}`, contents)

/** What was provided. Throws when it was not. */
export function readData(language: string, name: string): Uint8Array {
  const contents = held.get(`${language}/${name}`)
  if (!contents) throw new Error(`${language}/${name} has not been provided`)
  return contents
}
