// A request as a program: for the shell, for Python with and without OpenAI's package, for JavaScript.
// A key is never written out. The programs take it from the environment.

const VARIABLE = 'SPARSEWAVE_API_KEY'

/** `body` is what was sent; `file` gets the audio; `keyed` where the server asks for a key. */
export function snippets(body, { base, file, keyed }) {
  const url = `${base}v1/audio/speech`
  const { input, voice, response_format, speed, ...others } = body
  return {
    curl: lines(
      `curl -f ${url} \\`,
      keyed && `  -H "Authorization: Bearer $${VARIABLE}" \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d ${quoted(JSON.stringify(body, undefined, 2))} \\`,
      `  -o ${file}`,
    ),
    python: lines(
      'import json',
      keyed && 'import os',
      'import shutil',
      'import urllib.request',
      '',
      'request = urllib.request.Request(',
      `    ${json(url)},`,
      '    headers={',
      '        "Content-Type": "application/json",',
      keyed && `        "Authorization": "Bearer " + os.environ["${VARIABLE}"],`,
      '    },',
      '    data=json.dumps({',
      ...fields(body, '        '),
      '    }).encode(),',
      ')',
      `with urllib.request.urlopen(request) as speech, open(${json(file)}, "wb") as file:`,
      '    shutil.copyfileobj(speech, file)',
    ),
    openai: lines(
      keyed && 'import os',
      'from openai import OpenAI  # pip install openai',
      '',
      `client = OpenAI(base_url=${json(`${base}v1`)}, api_key=${keyed ? `os.environ["${VARIABLE}"]` : '"none"'})`,
      'with client.audio.speech.with_streaming_response.create(',
      '    model="tts-1",',
      `    voice=${json(voice ?? 'alloy')},`,
      `    input=${json(input)},`,
      `    response_format=${json(response_format)},`,
      speed !== undefined && `    speed=${speed},`,
      Object.keys(others).length > 0 && `    extra_body={${flat(others)}},`,
      ') as speech:',
      `    speech.stream_to_file(${json(file)})`,
    ),
    javascript: lines(
      `import { writeFile } from 'node:fs/promises'`,
      '',
      `const response = await fetch(${json(url)}, {`,
      `  method: 'POST',`,
      '  headers: {',
      `    'Content-Type': 'application/json',`,
      keyed && `    Authorization: \`Bearer \${process.env.${VARIABLE}}\`,`,
      '  },',
      '  body: JSON.stringify({',
      ...fields(body, '    ', (name) => name),
      '  }),',
      '})',
      'if (!response.ok) throw new Error(await response.text())',
      `await writeFile(${json(file)}, response.body)`,
    ),
  }
}

/** A request that this browser synthesizes by itself. */
export const browserSnippet = ({ input, voice, response_format, ...options }, { base, keyed }) =>
  lines(
    `import { openVoice } from 'sparsewave/browser'`,
    '',
    `const voice = await openVoice(${json(`${base}v1/audio/voices/${encodeURIComponent(voice)}/`)}, {`,
    `  assets: ${json(`${base}browser/`)},`,
    keyed && `  apiKey: 'YOUR KEY',`,
    '})',
    `for await (const { samples } of voice.stream(${json(input)}, { ${flat(options, (name) => name)} })) {`,
    '  play(samples) // yours: Float32Array, 24 kHz, mono',
    '}',
  )

const lines = (...all) => `${all.filter((line) => line !== false && line !== undefined).join('\n')}\n`
/** JSON's strings and numbers are those of Python and JavaScript too. */
const json = (value) => JSON.stringify(value)
const flat = (body, name = json) =>
  Object.entries(body)
    .map(([field, value]) => `${name(field)}: ${json(value)}`)
    .join(', ')
const fields = (body, indent, name = json) =>
  Object.entries(body).map(([field, value]) => `${indent}${name(field)}: ${json(value)},`)
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`
