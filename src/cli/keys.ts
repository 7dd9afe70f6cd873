/** `sparsewave keys`: makes, lists and revokes the API keys of a server's key file. A running server takes changes over. */
import { Command, Option } from 'commander'
import { SparsewaveError } from '../errors.ts'
import { numberIn } from './options.ts'

const EXAMPLES = `
Examples:
  $ sparsewave keys create web-shop --file keys.txt --requests 60
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

const load = () => import('../../server/access/key-file.ts')

export function keysCommand(): Command {
  const keys = new Command('keys')
    .description('API keys of a server: create, list, revoke')
    .addHelpText('after', EXAMPLES)
  keys
    .command('create')
    .description('make a key and print it; only its SHA-256 is kept')
    .argument('<name>', 'who it is for; shown in the log')
    .addOption(fileOption())
    .option('--requests <n>', 'requests a minute', numberIn(0, 1e9, true))
    .option('--characters <n>', 'characters of text a minute', numberIn(0, 1e9, true))
    .action(async (name: string, options: { file?: string; requests?: number; characters?: number }) => {
      const { createKey } = await load()
      const { requests, characters } = options
      const limits = { ...(requests !== undefined && { requests }), ...(characters !== undefined && { characters }) }
      process.stdout.write(`${createKey(fileOf(options), name, limits)}\n`)
    })
  keys
    .command('list')
    .description('list the names and limits')
    .addOption(fileOption())
    .action(async (options: { file?: string }) => {
      const { parseKeys, readKeyFile } = await load()
      const file = fileOf(options)
      for (const { name, requests, characters } of parseKeys(readKeyFile(file), file)) {
        const limits = [
          ...(requests === undefined ? [] : [`${requests} requests a minute`]),
          ...(characters === undefined ? [] : [`${characters} characters a minute`]),
        ]
        process.stdout.write(`${name.padEnd(24)} ${limits.join(', ')}`.trimEnd().concat('\n'))
      }
    })
  keys
    .command('revoke')
    .description('take a key out')
    .argument('<name>')
    .addOption(fileOption())
    .action(async (name: string, options: { file?: string }) => (await load()).revokeKey(fileOf(options), name))
  return keys
}
