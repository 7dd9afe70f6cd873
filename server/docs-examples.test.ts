/** The programs that the pages show are run as they are. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'
import { type TestServer, testServer } from '../test/support/test-server.ts'
import { requestExamples } from './docs-examples.ts'

const { snippets } = await import(`${pathToFileURL(PACKAGE_ROOT).href}/server/web/snippets.js`)

let server: TestServer
let folder: string
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'programs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** How a language's program is run. */
const RUNS: Readonly<Record<string, { file: string; command: readonly string[] }>> = {
  curl: { file: 'program.sh', command: ['sh'] },
  python: { file: 'program.py', command: ['python3'] },
  javascript: { file: 'program.mjs', command: [process.execPath] },
}
const has = (language: string): boolean =>
  spawnSync(language === 'curl' ? 'curl' : RUNS[language]!.command[0]!, ['--version']).status === 0

/** Runs a program in an empty folder and returns what it printed. */
async function run(language: string, program: string): Promise<string> {
  const { file, command } = RUNS[language]!
  writeFileSync(join(folder, file), program)
  const child = spawn(command[0]!, [file], { cwd: folder, env: { ...process.env, SPARSEWAVE_API_KEY: 'sk-any' } })
  let said = ''
  child.stdout.on('data', (data) => {
    said += data
  })
  let faults = ''
  child.stderr.on('data', (data) => {
    faults += data
  })
  const [code] = await once(child, 'close')
  expect(code, faults).toBe(0)
  return said
}

const INPUT = `It's "quoted", naïve \\ and $HOME, \`twice\`.\nReally.`
const body = { input: INPUT, voice: 'stand-in', response_format: 'wav', seed: 7, speed: 1.5 }

const expected = async (): Promise<Buffer> => {
  const answer = await fetch(`${server.url}/v1/audio/speech`, { method: 'POST', body: JSON.stringify(body) })
  return Buffer.from(await answer.arrayBuffer())
}

for (const language of ['curl', 'python', 'javascript'])
  test.skipIf(!has(language))(
    `the page's ${language} gives the audio of its request, with a key and without`,
    async () => {
      for (const keyed of [false, true]) {
        const program = snippets(body, { base: `${server.url}/`, file: 'speech.wav', keyed })[language]
        await run(language, program)
        expect(readFileSync(join(folder, 'speech.wav')).equals(await expected())).toBe(true)
        rmSync(join(folder, 'speech.wav'))
      }
    },
  )

for (const language of ['curl', 'python', 'javascript'] as const)
  test.skipIf(!has(language))(`the API page's ${language} sends a body and prints or saves the answer`, async () => {
    const write = requestExamples[language]
    const url = `${server.url}/v1/audio/speech`
    await run(language, write({ method: 'POST', url, body, file: 'speech.wav' }))
    expect(readFileSync(join(folder, 'speech.wav')).equals(await expected())).toBe(true)
    const said = await run(language, write({ method: 'GET', url: `${server.url}/v1/audio/voices` }))
    expect(JSON.parse(said)).toMatchObject({ default: 'stand-in' })
    expect(existsSync(join(folder, 'speech.wav'))).toBe(true)
  })

test('Go strings hold texts with backquotes', () => {
  const program = requestExamples.go({ method: 'POST', url: 'http://localhost/', body: { input: 'a `b`' } })
  expect(program).toContain('strings.NewReader("{\\n')
  expect(requestExamples.go({ method: 'GET', url: 'http://localhost/' })).not.toContain('"strings"')
})
