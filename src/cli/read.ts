/** `sparsewave read`: how a text is read, without speaking it: sentences, words, phonemes and where each sound comes from. */
import { text as readAll } from 'node:stream/consumers'
import { Command } from 'commander'
import { SparsewaveError } from '../errors.ts'
import {
  DEFAULT_LANGUAGE,
  type Language,
  languageFor,
  RequestLexicon,
  readText,
  type TextReading,
} from '../text/index.ts'
import { lexiconOption, readLexicon } from './lexicon.ts'

interface ReadOptions {
  language: string
  lexicon?: string
  json?: true
}

const EXAMPLES = `
Examples:
  $ sparsewave read "Dr. Lee paid $5.50."          each sentence, what is said for it, and its words
  $ sparsewave read --json < story.txt             the same for programs
  $ sparsewave read --language es "Felipe VI llegó a las 15:30."
  $ echo '{"Nguyen": "wˈɪn"}' > names.json
  $ sparsewave read --lexicon names.json "Ask Ms. Nguyen."

The last column says where a sound comes from: given (the lexicon), context (a word whose sound its neighbours decide),
dictionary, derived (from a listed word), spelled (letter by letter), letters (read from its letters: check these first).
Phonemes are those of docs/explanation/text-front-end.md. A request's \`lexicon\` takes the same file.`

export function readCommand(): Command {
  return new Command('read')
    .description('show how a text is read: its sentences, words and phonemes')
    .argument('[text...]', 'what to read; read from stdin when absent')
    .option('--language <tag>', 'language of the text', DEFAULT_LANGUAGE.tag)
    .addOption(lexiconOption())
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(read)
}

async function read(words: string[], options: ReadOptions): Promise<void> {
  const text = words.length > 0 ? words.join(' ') : await readAll(process.stdin)
  const result = readText(text, languageOf(options.language), new RequestLexicon(readLexicon(options.lexicon)))
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : table(text, result))
}

function languageOf(tag: string): Language {
  try {
    return languageFor(tag)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    throw new SparsewaveError('USAGE', `Texts in ${tag} cannot be read.`, { remedy: error.remedy })
  }
}

/** For people: each sentence, then a line a word. */
function table(text: string, { sentences, unreadable }: TextReading): string {
  const lines = sentences.flatMap(({ text: written, said, phonemes, words }) => {
    if (words.length === 0) return [written, '  (nothing to say)', '']
    const wide = Math.max(...words.map((word) => word.text.length))
    const sound = Math.max(...words.map((word) => word.phonemes.length))
    return [
      written.replace(/\s+/g, ' '),
      `  said      ${said}`,
      `  phonemes  ${phonemes}`,
      ...words.map((word) =>
        `    ${word.text.padEnd(wide)}  ${word.phonemes.padEnd(sound)}  ${word.source ?? ''}`.trimEnd(),
      ),
      '',
    ]
  })
  for (const { start, end, script } of unreadable)
    lines.push(`Not read, in ${script}: ${text.slice(start, end)} (characters ${start} to ${end})`)
  return `${lines.join('\n').trimEnd()}\n`
}
