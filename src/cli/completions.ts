/** `sparsewave completions`: what a shell needs to complete commands, options and their values, made from the commands. */
import { Argument, Command, type Option } from 'commander'
import { FORMATS } from '../synthesis/index.ts'
import { VOCODERS } from '../vocoder/vocoder.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

const EXAMPLES = `
Examples:
  $ source <(sparsewave completions bash)                                      # this shell; in ~/.bashrc for all
  $ source <(sparsewave completions zsh)                                       # in ~/.zshrc, after compinit
  $ sparsewave completions fish > ~/.config/fish/completions/sparsewave.fish`

export function completionsCommand(): Command {
  return new Command('completions')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell, _options: unknown, command: Command) => {
      process.stdout.write(completions(command.parent!, shell))
    })
}

/** A command by its path, `jobs list`, or '' for the program. */
interface Known {
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  readonly options: readonly Option[]
}

function known(command: Command, path = ''): Known[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  const own = {
    path,
    commands: commands.map((child) => ({ name: child.name(), about: child.summary() || child.description() })),
    options: help.visibleOptions(command),
  }
  return [own, ...commands.flatMap((child) => known(child, `${path} ${child.name()}`.trim()))]
}

/** Words that an option takes, or the command that prints them. Files where it takes a file. */
function valuesOf(option: Option): { words?: readonly string[]; run?: string; files?: true } | undefined {
  if (!option.required && !option.optional) return undefined
  const name = option.long?.slice(2)
  if (name === 'voice') return { run: 'sparsewave voices --names 2>/dev/null' }
  if (name === 'vocoder') return { words: VOCODERS }
  if (name === 'format') return { words: FORMATS }
  if (option.argChoices) return { words: option.argChoices }
  return /file|folder|checkpoint/i.test(option.flags) ? { files: true } : {}
}

export function completions(program: Command, shell: Shell): string {
  return { bash, zsh, fish }[shell](known(program))
}

const flagsOf = ({ options }: Known): string[] =>
  options.flatMap(({ long, short }) => [long, short].flatMap((f) => f ?? []))

function bash(all: readonly Known[]): string {
  const paths = all.map(({ path }) => path).filter((path) => path !== '')
  const words = all.map((each) => {
    const offered = [...each.commands.map(({ name }) => name), ...flagsOf(each)].join(' ')
    return `    '${each.path}') offered='${offered}' ;;`
  })
  const values = all.flatMap((each) =>
    each.options.flatMap((option) => {
      const of = valuesOf(option)
      if (!of) return []
      const flags = [option.long, option.short].flatMap((flag) => (flag ? [`'${each.path}:${flag}'`] : []))
      const reply = of.words
        ? `COMPREPLY=($(compgen -W '${of.words.join(' ')}' -- "$word"))`
        : of.run
          ? `COMPREPLY=($(compgen -W "$(${of.run})" -- "$word"))`
          : of.files
            ? 'COMPREPLY=($(compgen -f -- "$word"))'
            : 'COMPREPLY=()'
      return [`    ${flags.join('|')}) ${reply}; return ;;`]
    }),
  )
  return `# bash completion for sparsewave
_sparsewave() {
  local word="\${COMP_WORDS[COMP_CWORD]}" last="\${COMP_WORDS[COMP_CWORD - 1]}" path='' offered='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${paths.map((path) => `'${path}'`).join('|')}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path:$last" in
${values.join('\n')}
  esac
  case "$path" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$word"))
  [[ \${#COMPREPLY[@]} -eq 0 && $word != -* ]] && COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _sparsewave sparsewave
`
}

/** Zsh runs bash's own kind of completion. */
const zsh = (all: readonly Known[]): string =>
  `# zsh completion for sparsewave\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`

function fish(all: readonly Known[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = all.flatMap((each) => {
    const names = each.commands.map(({ name }) => name)
    const words = each.path.split(' ').filter((word) => word !== '')
    const inside = words.map((word) => `__fish_seen_subcommand_from ${word}`)
    const here = [...inside, ...(names.length > 0 ? [`not __fish_seen_subcommand_from ${names.join(' ')}`] : [])]
    const when = here.length > 0 ? ` -n ${quote(here.join('; and '))}` : ''
    const noFiles = names.length > 0 ? ' -f' : ''
    return [
      ...each.commands.map(
        ({ name, about }) => `complete -c sparsewave${noFiles}${when} -a ${name} -d ${quote(about)}`,
      ),
      ...each.options.map((option) => {
        const of = valuesOf(option)
        const value = !of
          ? ''
          : of.words
            ? ` -x -a ${quote(of.words.join(' '))}`
            : of.run
              ? ` -x -a ${quote(`(${of.run})`)}`
              : of.files
                ? ' -r'
                : ' -x'
        const long = option.long ? ` -l ${option.long.slice(2)}` : ''
        const short = option.short ? ` -s ${option.short.slice(1)}` : ''
        return `complete -c sparsewave${when}${long}${short}${value} -d ${quote(option.description)}`
      }),
    ]
  })
  return `# fish completion for sparsewave\n${lines.join('\n')}\n`
}
