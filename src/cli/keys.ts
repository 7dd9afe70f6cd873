/** `sparsewave keys`: creates, lists and revokes the API keys in a server's key file. A running server picks up changes. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Scope } from '../../server/access/key-file.ts'
import { SparsewaveError } from '../errors.ts'
import { numberIn } from './options.ts'

const EXAMPLES = `
Examples:
  $ sparsewave keys create web-shop --file keys.txt --requests 60
  $ sparsewave keys create studio --file keys.txt --scopes speak,train
  $ sparsewave keys list --file keys.txt
  $ SPARSEWAVE_KEYS_FILE=keys.txt sparsewave serve`

const fileOption = (): Option =>
  new Option('--file <file>', 'file of the keys (or SPARSEWAVE_KEYS_FILE)').env('SPARSEWAVE_KEYS_FILE')

function fileOf({ file }: { file?: string }): string {
  if (file) return file
  throw new SparsewaveError('USAGE', 'Say which file the keys are in.', {
    remedy: 'Give --file, or set SPARSEWAVE_KEYS_FILE.',
  })
}

function scopes(text: string): Scope[] {
  const list = text.split(',').map((word) => word.trim())
  const isScope = (word: string): word is Scope => word === 'speak' || word === 'train'
  if (!list.every(isScope)) throw new InvalidArgumentError('It must be speak, train or speak,train.')
  return [...new Set(list as Scope[])]
}

const load = () => import('../../server/access/key-file.ts')

export function keysCommand(): Command {
  const keys = new Command('keys')
    .description('create, list and revoke the API keys of a server')
    .addHelpText('after', EXAMPLES)
  keys
    .command('create')
    .description('create a key and print it (the file keeps its SHA-256 alone)')
    .argument('<name>', 'whom it is for, as the log names it')
    .addOption(fileOption())
    .option('--requests <n>', 'requests per minute', numberIn(0, 1e9, true))
    .option('--characters <n>', 'characters of text per minute', numberIn(0, 1e9, true))
    .option('--scopes <list>', 'what it may be used for: speak, train or speak,train (default: speak)', scopes)
    .action(
      async (name: string, options: { file?: string; requests?: number; characters?: number; scopes?: Scope[] }) => {
        const { createKey } = await load()
        const { requests, characters, scopes } = options
        const limits = {
          ...(requests !== undefined && { requests }),
          ...(characters !== undefined && { characters }),
          ...(scopes && { scopes }),
        }
        process.stdout.write(`${createKey(fileOf(options), name, limits)}\n`)
      },
    )
  keys
    .command('list')
    .description('list the names and limits')
    .addOption(fileOption())
    .action(async (options: { file?: string }) => {
      const { parseKeys, readKeyFile } = await load()
      const file = fileOf(options)
      for (const { name, requests, characters, scopes } of parseKeys(readKeyFile(file), file)) {
        const limits = [
          ...(scopes ? [`may ${scopes.join(' and ')}`] : []),
          ...(requests === undefined ? [] : [`${requests} requests per minute`]),
          ...(characters === undefined ? [] : [`${characters} characters per minute`]),
        ]
        process.stdout.write(`${name.padEnd(24)} ${limits.join(', ')}`.trimEnd().concat('\n'))
      }
    })
  keys
    .command('revoke')
    .description('remove a key')
    .argument('<name>')
    .addOption(fileOption())
    .action(async (name: string, options: { file?: string }) => (await load()).revokeKey(fileOf(options), name))
  return keys
}
