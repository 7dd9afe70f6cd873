/** `sparsewave serve`: the HTTP and WebSocket server. Settings come from the environment, and options override them. */
import { Command } from 'commander'
import type { Config } from '../../server/config.ts'
import { SparsewaveError } from '../errors.ts'
import type { HttpExtension } from '../extension.ts'
import { catalogue } from '../voices/catalogue.ts'
import { numberIn, voiceOption } from './options.ts'
import { loadTraining } from './training.ts'

interface ServeOptions {
  port?: number
  host?: string
  voice?: string
  workers?: number
  wyomingPort?: number
  training?: true
  tlsCert?: string
  tlsKey?: string
  tlsSelfSigned?: boolean
}

const EXAMPLES = `
Examples:
  $ sparsewave serve
  $ PORT=9000 SPARSEWAVE_WORKERS=2 sparsewave serve
  $ sparsewave serve --wyoming-port 10200     # for Home Assistant
  $ sparsewave serve --tls-self-signed        # https and wss, for clients that insist on them
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
    .option('--training', 'also take recordings and training jobs, from keys with the scope train')
    .option('--tls-cert <file>', 'certificate in PEM: the port then speaks TLS (or SPARSEWAVE_TLS_CERT)')
    .option('--tls-key <file>', 'its key in PEM (or SPARSEWAVE_TLS_KEY)')
    .option('--tls-self-signed', 'make both files where they are missing (or SPARSEWAVE_TLS_SELF_SIGNED=1)')
    .addOption(voiceOption())
    .addHelpText('after', EXAMPLES)
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const [{ readConfig, tlsOf }, { createLogger, standardOutput }, { LogStream }, { startServer }, { spawnWorker }] =
    await Promise.all([
      import('../../server/config.ts'),
      import('../../server/log.ts'),
      import('../../server/log-stream.ts'),
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
    tls: tlsOf({
      SPARSEWAVE_TLS_CERT: options.tlsCert ?? settings.tls?.cert,
      SPARSEWAVE_TLS_KEY: options.tlsKey ?? settings.tls?.key,
      SPARSEWAVE_TLS_SELF_SIGNED: options.tlsSelfSigned || settings.tls?.selfSigned ? '1' : '0',
    }),
  }
  // Neither is waited for: a reader that stalls, or a full disk, must not hold the server up.
  const output = standardOutput()
  const errors = new LogStream(2)
  const log = (line: string): void => errors.write(`${line}\n`)
  const extension = options.training ? await openTraining(config, log) : undefined
  const voices = catalogue(options.voice ?? settings.voice, log)
  const running = await startServer({
    config,
    catalogue: voices,
    spawn: () => spawnWorker({ voice: voices.defaultVoice }, config.workerKind),
    log,
    logger: createLogger(config.logLevel, output),
    droppedLines: () => output.dropped,
    extension,
  }).catch(async (error: NodeJS.ErrnoException) => {
    await extension?.close()
    throw listenError(error, config)
  })
  const { kernel, kernelReason, precision, vocoder } = running.info
  log(`Speaking as ${voices.defaultVoice} (${vocoder}) on the ${kernel} kernel in ${precision}: ${kernelReason}`)
  log(
    `Listening on ${config.tls ? 'https' : 'http'}://localhost:${running.port} with ${config.workers} synthesis ${config.workerKind}${config.workers === 1 ? '' : config.workerKind === 'thread' ? 's' : 'es'}.`,
  )
  if (config.tls?.selfSigned) log(`Clients trust the server when they are given ${config.tls.cert}.`)
  if (running.wyomingPort !== undefined) log(`Wyoming on port ${running.wyomingPort}.`)
  await stopSignal()
  log('Stopping: running requests may finish.')
  const haveEnded = await running.stop()
  await Promise.all([output.end(LAST_LINES), errors.end(LAST_LINES)])
  // A thread that is stuck in native code would keep the process for ever, also on `exit`.
  if (!haveEnded) process.kill(process.pid, 'SIGKILL')
}

/** What the trainer adds to the server. Throws USAGE without a key file, TRAINING_MISSING. */
async function openTraining(config: Config, log: (line: string) => void): Promise<HttpExtension> {
  const { requireKeyFile } = await import('../../server/extension.ts')
  requireKeyFile(config)
  const training = await loadTraining()
  if (!training?.createTrainingExtension)
    throw new SparsewaveError(
      'TRAINING_MISSING',
      '`sparsewave serve --training` needs the package sparsewave-training.',
    )
  return training.createTrainingExtension(log)
}

/** Serves an extension alone until the process is asked to end. */
export async function serveExtension(
  extension: HttpExtension,
  options: { port?: number | undefined; host?: string | undefined },
): Promise<void> {
  const [{ readConfig }, { createLogger, standardOutput }, { startExtension }] = await Promise.all([
    import('../../server/config.ts'),
    import('../../server/log.ts'),
    import('../../server/extension.ts'),
  ])
  try {
    const settings = readConfig()
    const config = { ...settings, port: options.port ?? settings.port, host: options.host ?? settings.host }
    const running = await startExtension(extension, config, createLogger(config.logLevel, standardOutput())).catch(
      (error: NodeJS.ErrnoException) => {
        throw listenError(error, config)
      },
    )
    process.stderr.write(`Listening on http://localhost:${running.port}.\n`)
    await stopSignal()
    process.stderr.write('Stopping: jobs that run write a checkpoint and wait again.\n')
    await running.stop()
  } finally {
    await extension.close()
  }
}

/** Time for the last lines of the log, ms. */
const LAST_LINES = 1000

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}

/** An error of `listen` as a sentence that names the port or the address. */
function listenError(error: NodeJS.ErrnoException & { port?: number }, config: Config): Error {
  const isWyoming = error.port !== undefined && error.port === config.wyomingPort && error.port !== config.port
  const port = error.port ?? config.port
  const which = isWyoming ? `The Wyoming port ${port}` : `Port ${port}`
  const otherPort = isWyoming
    ? 'Choose another with --wyoming-port or SPARSEWAVE_WYOMING_PORT.'
    : 'Choose another with --port or PORT.'
  const otherHost = 'Set --host or HOST to an address of this machine, or to 0.0.0.0 for all of them.'
  const [message, remedy] =
    {
      EADDRINUSE: [`${which} is taken.`, otherPort],
      EACCES: [`${which} may not be used by this user.`, otherPort],
      EADDRNOTAVAIL: [`The address ${config.host} is not one of this machine.`, otherHost],
      ENOTFOUND: [`The address ${config.host} is not known.`, otherHost],
      EAI_AGAIN: [`The address ${config.host} cannot be looked up.`, otherHost],
      EINVAL: [`The address ${config.host} cannot be listened on.`, otherHost],
      EAFNOSUPPORT: [`The address ${config.host} is of a kind that this machine does not support.`, otherHost],
    }[error.code ?? ''] ?? []
  return message === undefined ? error : new SparsewaveError('USAGE', message, { remedy: remedy! })
}
