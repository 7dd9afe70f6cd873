/** Lines `written => expected` as pairs. */
export const table = (text: string): [string, string][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(' => ').map((part) => part.trim()) as [string, string])
