/** Programs that send a request, in the languages of the API page. Each is complete and runs with what it imports. */

/** The languages by the name that people read. */
export const LANGUAGES = { curl: 'curl', python: 'Python', javascript: 'JavaScript', go: 'Go' } as const
export type ExampleLanguage = keyof typeof LANGUAGES

export interface ExampleRequest {
  readonly method: string
  /** Absolute. */
  readonly url: string
  /** Sent as JSON. */
  readonly body?: object
  /** File that the answer is written to; absent = printed. */
  readonly file?: string
}

const json = (value: unknown): string => JSON.stringify(value)
const pretty = (value: object, indent: string): string =>
  JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${indent}`)
const lines = (...all: (string | false | undefined)[]): string =>
  all.filter((line) => line !== false && line !== undefined).join('\n')

/** Python's spelling of JSON. */
const python = (value: object, indent: string): string =>
  pretty(value, indent).replace(
    /: (true|false|null)\b/g,
    (_, word: string) => ({ true: ': True', false: ': False', null: ': None' })[word]!,
  )

export const requestExamples: Record<ExampleLanguage, (request: ExampleRequest) => string> = {
  curl: ({ method, url, body, file }) =>
    lines(
      `curl -f${method === 'GET' ? '' : ` -X ${method}`} ${url}${body || file ? ' \\' : ''}`,
      body && `  -H 'Content-Type: application/json' \\`,
      body && `  -d '${pretty(body, '  ').replaceAll("'", `'\\''`)}'${file ? ' \\' : ''}`,
      file && `  -o ${file}`,
    ),

  python: ({ method, url, body, file }) =>
    lines(
      body && 'import json',
      file && 'import shutil',
      'import urllib.request',
      '',
      'request = urllib.request.Request(',
      `    ${json(url)},`,
      method !== 'GET' && `    method=${json(method)},`,
      body && '    headers={"Content-Type": "application/json"},',
      body && `    data=json.dumps(${python(body, '    ')}).encode(),`,
      ')',
      file
        ? `with urllib.request.urlopen(request) as answer, open(${json(file)}, "wb") as file:`
        : 'with urllib.request.urlopen(request) as answer:',
      file ? '    shutil.copyfileobj(answer, file)' : '    print(answer.read().decode())',
    ),

  javascript: ({ method, url, body, file }) =>
    lines(
      file && "import { writeFile } from 'node:fs/promises'\n",
      body || method !== 'GET'
        ? `const answer = await fetch(${json(url)}, {`
        : `const answer = await fetch(${json(url)})`,
      method !== 'GET' && `  method: ${json(method)},`,
      body && "  headers: { 'Content-Type': 'application/json' },",
      body && `  body: JSON.stringify(${pretty(body, '  ')}),`,
      (body || method !== 'GET') && '})',
      'if (!answer.ok) throw new Error(await answer.text())',
      file ? `await writeFile(${json(file)}, answer.body)` : 'console.log(await answer.text())',
    ),

  go: ({ url, body, file }) =>
    lines(
      'package main',
      '',
      'import (',
      '\t"io"',
      '\t"log"',
      '\t"net/http"',
      '\t"os"',
      body && '\t"strings"',
      ')',
      '',
      'func main() {',
      body && `\tbody := strings.NewReader(${goString(pretty(body, '\t\t'))})`,
      body
        ? `\tanswer, err := http.Post(${json(url)}, "application/json", body)`
        : `\tanswer, err := http.Get(${json(url)})`,
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      '\tdefer answer.Body.Close()',
      file && `\tfile, err := os.Create(${json(file)})`,
      file && '\tif err != nil {',
      file && '\t\tlog.Fatal(err)',
      file && '\t}',
      file && '\tdefer file.Close()',
      `\tif _, err := io.Copy(${file ? 'file' : 'os.Stdout'}, answer.Body); err != nil {`,
      '\t\tlog.Fatal(err)',
      '\t}',
      '}',
    ),
}

/** A raw string of Go, or a quoted one where the text has a backquote. */
const goString = (text: string): string => (text.includes('`') ? json(text) : `\`${text}\``)

/** A WebSocket that speaks text as it is written, audio into a file. `url` begins with ws. */
export const streamExamples: Record<ExampleLanguage, (url: string) => string> = {
  curl: (url) =>
    lines(
      '# curl shows no binary messages. websocat writes them out: https://github.com/vi/websocat',
      `printf '%s\\n' '{"type": "text", "text": "Hello there."}' '{"type": "close"}' \\`,
      `  | websocat --binary --no-close ${url} > answers.bin`,
    ),
  python: (url) =>
    lines(
      'import asyncio',
      'import json',
      '',
      'import websockets  # pip install websockets',
      '',
      '',
      'async def main():',
      `    async with websockets.connect(${json(url)}) as socket:`,
      '        for piece in ["Words may come ", "in any pieces."]:',
      '            await socket.send(json.dumps({"type": "text", "text": piece}))',
      '        await socket.send(json.dumps({"type": "close"}))',
      '        with open("speech.pcm", "wb") as file:',
      '            async for message in socket:',
      '                if isinstance(message, bytes):',
      '                    file.write(message)  # s16le, 24 kHz, mono',
      '                else:',
      '                    print(json.loads(message)["type"])',
      '',
      '',
      'asyncio.run(main())',
    ),
  javascript: (url) =>
    lines(
      "import { appendFile } from 'node:fs/promises'",
      '',
      `const socket = new WebSocket(${json(url)}) // Node 22, or npm's ws`,
      "socket.binaryType = 'arraybuffer'",
      'socket.onopen = () => {',
      "  for (const piece of ['Words may come ', 'in any pieces.'])",
      "    socket.send(JSON.stringify({ type: 'text', text: piece }))",
      "  socket.send(JSON.stringify({ type: 'close' }))",
      '}',
      'socket.onmessage = async ({ data }) => {',
      "  if (typeof data === 'string') console.log(JSON.parse(data).type)",
      "  else await appendFile('speech.pcm', new Uint8Array(data)) // s16le, 24 kHz, mono",
      '}',
    ),
  go: (url) =>
    lines(
      'package main',
      '',
      'import (',
      '\t"context"',
      '\t"log"',
      '\t"os"',
      '',
      '\t"github.com/coder/websocket"',
      ')',
      '',
      'func main() {',
      '\tctx := context.Background()',
      `\tsocket, _, err := websocket.Dial(ctx, ${json(url)}, nil)`,
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      '\tsocket.SetReadLimit(-1)',
      '\tfor _, message := range []string{`{"type": "text", "text": "Hello there."}`, `{"type": "close"}`} {',
      '\t\tsocket.Write(ctx, websocket.MessageText, []byte(message))',
      '\t}',
      '\tfile, _ := os.Create("speech.pcm")',
      '\tdefer file.Close()',
      '\tfor {',
      '\t\tkind, data, err := socket.Read(ctx)',
      '\t\tif err != nil {',
      '\t\t\treturn // the server closes after its last message',
      '\t\t}',
      '\t\tif kind == websocket.MessageBinary {',
      '\t\t\tfile.Write(data) // s16le, 24 kHz, mono',
      '\t\t}',
      '\t}',
      '}',
    ),
}
