/** `sparsewave serve`: the HTTP and WebSocket server. Settings come from the environment, and options override them. */
import { Command } from 'commander'
import { SparsewaveError } from '../errors.ts'
import { catalogue } from '../voices/catalogue.ts'
import { numberIn, voiceOption } from './options.ts'

interface ServeOptions {
  port?: number
  host?: string
  voice?: string
  workers?: number
  wyomingPort?: number
}

const EXAMPLES = `
Examples:
  $ sparsewave serve
  $ PORT=9000 SPARSEWAVE_WORKERS=2 sparsewave serve
  $ sparsewave serve --wyoming-port 10200     # for Home Assistant
  $ curl -N http://localhost:8080/v1/audio/speech -H 'Content-Type: application/json' \\
      -d '{"model": "tts-1", "voice": "alloy", "input": "Hello there."}' -o hello.mp3`

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve speech over HTTP and WebSocket, with a web page to try it')
    .option('-p, --port <port>', 'port to listen on (or PORT, default 8080)', numberIn(0, 65535, true))
    .option('--host <address>', 'address to listen on (or HOST, default all)')
    .option('--workers <n>', 'synthesis workers (or SPARSEWAVE_WORKERS, default one per core)', numberIn(1, 1024, true))
    .option(
      '--wyoming-port <port>',
      'port for Home Assistant (or SPARSEWAVE_WYOMING_PORT, default none)',
      numberIn(0, 65535, true),
    )
    .addOption(voiceOption())
    .addHelpText('after', EXAMPLES)
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const [{ readConfig }, { createLogger }, { startServer }, { spawnWorker }] = await Promise.all([
    import('../../server/config.ts'),
    import('../../server/log.ts'),
    import('../../server/start.ts'),
    import('../../server/synthesis/spawn.ts'),
  ])
  const settings = readConfig()
  const config = {
    ...settings,
    port: options.port ?? settings.port,
    host: options.host ?? settings.host,
    workers: options.workers ?? settings.workers,
    wyomingPort: options.wyomingPort ?? settings.wyomingPort,
  }
  const log = (line: string): void => console.error(line)
  const voices = catalogue(options.voice ?? settings.voice, log)
  const running = await startServer({
    config,
    catalogue: voices,
    spawn: () => spawnWorker({ voice: voices.defaultVoice }, config.workerKind),
    log,
    logger: createLogger(config.logLevel),
  }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, config.port)
  })
  const { kernel, kernelReason, precision, vocoder } = running.info
  log(`Speaking as ${voices.defaultVoice} (${vocoder}) on the ${kernel} kernel in ${precision}: ${kernelReason}`)
  log(
    `Listening on http://localhost:${running.port} with ${config.workers} synthesis ${config.workerKind}${config.workers === 1 ? '' : config.workerKind === 'thread' ? 's' : 'es'}.`,
  )
  if (running.wyomingPort !== undefined) log(`Wyoming on port ${running.wyomingPort}.`)
  await stopSignal()
  log('Stopping: running requests may finish.')
  await running.stop()
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}

function listenError(error: NodeJS.ErrnoException, port: number): Error {
  const reason = { EADDRINUSE: `Port ${port} is taken`, EACCES: `Port ${port} may not be used by this user` }[
    error.code ?? ''
  ]
  return reason ? new SparsewaveError('USAGE', `${reason}.`, { remedy: 'Choose another with --port or PORT.' }) : error
}
