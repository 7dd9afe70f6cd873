/** The text front end's data in a browser: fetched before it is asked for. */
const held = new Map<string, Uint8Array>()

/** Gives the contents of src/text/data/NAME.br. */
export const provideData = (name: string, contents: Uint8Array): void => void held.set(name, contents)

/** What was provided. Throws when it was not. */
export function readData(name: string): Uint8Array {
  const contents = held.get(name)
  if (!contents) throw new Error(`${name} has not been provided`)
  return contents
}
