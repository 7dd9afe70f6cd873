/**
 * The `sparsewave` command: the one place where library, server and trainer meet. Server and trainer are loaded only
 * when one of their commands is called.
 */
import { Command, CommanderError } from 'commander'
import { SparsewaveError } from '../errors.ts'
import { packageVersion } from '../version.ts'
import { completionsCommand } from './completions.ts'
import { doctorCommand } from './doctor.ts'
import { keysCommand } from './keys.ts'
import { readCommand } from './read.ts'
import { serveCommand, serveExtension } from './serve.ts'
import { speakCommand } from './speak.ts'
import { loadTraining, registerMissingTraining } from './training.ts'
import { voicesCommand } from './voices.ts'

const EXAMPLES = `
Examples:
  $ sparsewave speak "Hello there." -o hello.wav
  $ echo "Read this to me." | sparsewave speak --play
  $ sparsewave read "Dr. Lee paid $5.50."
  $ sparsewave serve --port 8080
  $ sparsewave doctor`

/** Runs the command line `argv` (without node and script) and returns the exit code: 0, 2 for bad input, 1 for a fault. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('sparsewave')
    .description('Streaming text-to-speech from a Sparse WaveRNN: speak, serve, and train voices.')
    .version(packageVersion())
    .addHelpText('after', EXAMPLES)
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  for (const command of [
    speakCommand(),
    readCommand(),
    serveCommand(),
    keysCommand(),
    voicesCommand(),
    doctorCommand(),
    completionsCommand(),
  ])
    program.addCommand(command)
  try {
    // What completes the trainer's commands must know them.
    const isOwn = argv[0] !== 'completions' && program.commands.some((command) => command.name() === argv[0])
    if (!isOwn) {
      const training = await loadTraining()
      if (training) training.registerTrainingCommands(program, { serve: serveExtension })
      else registerMissingTraining(program)
    }
    inheritSettings(program)
    if (argv.length === 0) {
      program.outputHelp()
      return 0
    }
    await program.parseAsync(argv as string[], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return report(error)
  }
}

/** Commands from other files report errors the way the program does. */
function inheritSettings(program: Command): void {
  for (const command of program.commands) {
    command.copyInheritedSettings(program)
    inheritSettings(command)
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    process.stderr.write(`${commanderMessage(error)}\nSee \`sparsewave --help\`.\n`)
    return 2
  }
  if (error instanceof SparsewaveError) {
    process.stderr.write(`${error.message}\n${error.remedy}\n`)
    return 2
  }
  // A reader that closes the pipe early (`| head`) is no fault.
  if ((error as NodeJS.ErrnoException)?.code === 'EPIPE') return 0
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}

/** Commander's message as sentences: "error: unknown command 'speek'\n(Did you mean speak?)". */
function commanderMessage({ message }: CommanderError): string {
  const [text = '', hint] = message.replace(/^error: /, '').split('\n')
  const sentence = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`
  return hint ? `${sentence} ${hint.replace(/^\((.*)\)$/, '$1')}` : sentence
}
