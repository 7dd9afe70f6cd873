/**
 * GET /docs: the interface to read, made here from the OpenAPI and AsyncAPI documents, with nothing fetched from elsewhere
 * and no script. The language of the examples is chosen with radio buttons, which the style sheet acts on.
 */
import { escapeHtml } from '../src/html.ts'
import { type ExampleLanguage, LANGUAGES, requestExamples, streamExamples } from './docs-examples.ts'
import { FIELD_NOTES } from './field-notes.ts'

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
const LANGUAGE_NAMES = Object.keys(LANGUAGES) as ExampleLanguage[]

/** JSON Schema, as far as the two documents use it. */
interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  maxLength?: number
  additionalProperties?: Schema | boolean
}

interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  example?: string
  schema?: Schema
}

interface Operation {
  summary: string
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
}

export interface OpenApi {
  info: { title: string; version: string; description: string }
  paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>> & { parameters?: Parameter[] }>
  components: { schemas: Record<string, Schema> }
}

interface Channel {
  address: string
  title: string
  summary: string
  parameters?: Record<string, { description: string }>
  bindings?: { ws: { query: Schema } }
  messages: Record<
    string,
    { name: string; summary: string; contentType?: string; payload: Schema; examples?: { payload: object }[] }
  >
}

export interface AsyncApi {
  channels: Record<string, Channel>
}

/** Bodies that the examples send, by path. Other paths get what their schema demands. */
const BODIES: Readonly<Record<string, object>> = {
  '/v1/audio/speech': { input: 'Hello there.', voice: 'alloy', response_format: 'mp3' },
  '/v1/audio/speech/timestamps': { input: 'Read along.', audio: false },
}

/** Words that examples put where a schema demands a field. */
const VALUES: Readonly<Record<string, string>> = { text: 'Hello there.', input: 'Hello there.', voice: 'alloy' }

/** Escaped, with `code` in backquotes. */
const prose = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

/** The page for a reader who reached the server at `origin`, such as `http://localhost:8080`. */
export function docsPage(openApi: OpenApi, asyncApi: AsyncApi, origin: string): string {
  const { info, paths } = openApi
  const operations: Described[] = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      const shared = item.parameters ?? []
      return operation ? [{ path, method, operation, parameters: [...shared, ...(operation.parameters ?? [])] }] : []
    }),
  )
  const tagOf = ({ operation }: Described): string => operation.tags?.[0] ?? ''
  const tags = [...new Set(operations.map(tagOf))]
  const groupOf = (tag: string, title: string): Group => ({
    title,
    entries: operations
      .filter((each) => tagOf(each) === tag)
      // What speaks comes before what is only looked up.
      .sort((a, b) => Number(b.method === 'post') - Number(a.method === 'post'))
      .map((each) => ({ kind: each.method, path: each.path, section: operationSection(each, openApi, origin) })),
  })
  // Our own interface first, then those that other services' clients know, then what operators use.
  const own = operations.find(({ path }) => path === '/v1/audio/speech')
  const ownTag = own ? tagOf(own) : ''
  const all: Group[] = [
    ...(own ? [groupOf(ownTag, 'Speech over HTTP')] : []),
    {
      title: 'Speech over WebSockets',
      about:
        'For text that arrives in pieces, from a language model for example. Audio comes back while the text is still being written.',
      entries: Object.values(asyncApi.channels).map((channel) => ({
        kind: 'ws',
        path: channel.address,
        section: channelSection(channel, origin),
      })),
    },
    ...tags
      .filter((tag) => tag !== ownTag && tag !== '')
      .map((tag) => groupOf(tag, tag === 'Training' ? tag : `As ${tag} has it`)),
    ...(own && ownTag === '' ? [] : [groupOf('', 'The server')]),
  ]
  const groups = all.filter(({ entries }) => entries.length > 0)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="HTTP and WebSocket interface of this speech server, with examples.">
<meta name="color-scheme" content="light dark">
<title>API – ${escapeHtml(info.title)}</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="theme.css">
<link rel="stylesheet" href="docs.css">
</head>
<body>
<header class="masthead">
  <p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><path fill="none" stroke="var(--accent)" stroke-width="3" stroke-linecap="round" d="M4 13v6M10 7v18M16 11v10M22 4v24M28 13v6"/></svg>${escapeHtml(info.title)}</p>
  <nav class="pages" aria-label="Pages">
    <ul>
      <li><a href="./">Speak</a></li>
      <li><a href="docs" aria-current="page">API</a></li>
    </ul>
  </nav>
</header>
<div class="wrap docs">
<nav class="contents" aria-label="Contents">
  <details>
    <summary>Contents</summary>
    ${groups.map(contentsOf).join('\n    ')}
  </details>
</nav>
<main>
<h1>API of ${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1>
<p>${prose(info.description)}</p>
<p>The same for programs: <a href="openapi.json">OpenAPI</a> for HTTP, <a href="asyncapi.json">AsyncAPI</a> for WebSockets.</p>
<p>Where the server asks for a key, send it as <code>Authorization: Bearer KEY</code>.</p>
<fieldset class="languages">
  <legend>Examples in</legend>
  ${LANGUAGE_NAMES.map((name, i) => `<label><input type="radio" name="language" id="in-${name}"${i === 0 ? ' checked' : ''}> ${LANGUAGES[name]}</label>`).join('\n  ')}
</fieldset>
${groups
  .map(
    ({ title, about, entries }) =>
      `<h2 class="tag">${escapeHtml(title)}</h2>${about ? `<p>${escapeHtml(about)}</p>` : ''}\n${entries.map(({ section }) => section).join('\n')}`,
  )
  .join('\n')}
</main>
</div>
</body>
</html>
`
}

/** Sections under one title. */
interface Group {
  title: string
  about?: string
  entries: { kind: string; path: string; section: string }[]
}

const contentsOf = ({ title, entries }: Group): string =>
  `<p>${escapeHtml(title)}</p><ul>${entries
    .map(
      ({ kind, path }) =>
        `<li><a href="docs#${slug(`${kind} ${path}`)}"><b class="kind">${kind.toUpperCase()}</b> <code>${escapeHtml(path)}</code></a></li>`,
    )
    .join('')}</ul>`

const heading = (kind: string, path: string): string =>
  `<h3 id="${slug(`${kind} ${path}`)}"><b class="kind">${kind.toUpperCase()}</b> <code>${escapeHtml(path)}</code></h3>`

const examples = (of: (language: ExampleLanguage) => string): string =>
  LANGUAGE_NAMES.map(
    (name) =>
      `<pre class="example in-${name}" tabindex="0" aria-label="Example in ${LANGUAGES[name]}"><code>${escapeHtml(of(name))}</code></pre>`,
  ).join('')

interface Described {
  path: string
  method: string
  operation: Operation
  parameters: Parameter[]
}

function operationSection(
  { path, method, operation, parameters }: Described,
  document: OpenApi,
  origin: string,
): string {
  const schema = operation.requestBody?.content['application/json']?.schema
  const body = schema && resolve(schema, document)
  const types = Object.keys(operation.responses['200']?.content ?? {})
  const sample = schema ? (BODIES[path] ?? requiredOf(body!, document)) : undefined
  const query = parameters.filter(({ in: place, required, example }) => place === 'query' && (required || example))
  const url =
    origin +
    path.replace(/\{(\w+)\}/g, (_, name: string) => parameters.find((p) => p.name === name)?.example ?? name) +
    (query.length > 0
      ? `?${new URLSearchParams(Object.fromEntries(query.map(({ name, example }) => [name, example ?? VALUES[name] ?? ''])))}`
      : '')
  const isAudio = types.some((type) => type.startsWith('audio/'))
  const request = {
    method: method.toUpperCase(),
    url: url.includes('?') ? `'${url}'` : url,
    ...(sample && { body: sample }),
    ...(isAudio && { file: 'speech.mp3' }),
  }
  const rows = parameters.map(({ name, in: place, required, description, schema: of = {} }) =>
    field(name, { ...of, description: description ?? of.description ?? FIELD_NOTES[name] ?? '' }, document, [
      place,
      ...(required ? ['required'] : []),
    ]),
  )
  return (
    `<section>${heading(method, path)}<p>${prose(operation.summary)}.</p>` +
    examples((name) => requestExamples[name]({ ...request, url: name === 'curl' ? request.url : url })) +
    (rows.length > 0 ? `<h4>Parameters</h4><dl class="fields">${rows.join('')}</dl>` : '') +
    (body ? `<h4>Body, as JSON</h4>${fieldsOf(body, document)}` : '') +
    answers(operation) +
    '</section>'
  )
}

function channelSection(channel: Channel, origin: string): string {
  const { address, title, summary, parameters = {}, bindings, messages } = channel
  const query = bindings?.ws.query
  const url = origin.replace(/^http/, 'ws') + address
  const all = Object.entries(messages)
  const rows = (action: string): string =>
    all
      .filter(([key]) => key.startsWith(`${action}.`))
      .map(([, { name, summary: about, payload, contentType, examples: given }]) => {
        const example = given?.[0]?.payload
        const shape = contentType ? '' : example ? JSON.stringify(example) : shapeOf(payload)
        return (
          `<dt><code>${escapeHtml(contentType ? 'binary' : name)}</code></dt><dd>${prose(about)}` +
          (shape ? `<br><code class="shape">${escapeHtml(shape)}</code>` : '') +
          '</dd>'
        )
      })
      .join('')
  const places = Object.entries(parameters).map(
    ([name, { description }]) => `<dt><code>${escapeHtml(name)}</code></dt><dd>${prose(description)}</dd>`,
  )
  return (
    `<section>${heading('ws', address)}<p>${escapeHtml(title)}. ${prose(summary)}</p>` +
    (address === '/v1/audio/stream' ? examples((name) => streamExamples[name](url)) : '') +
    (places.length > 0 ? `<h4>Path</h4><dl class="fields">${places.join('')}</dl>` : '') +
    (query ? `<h4>Query</h4>${fieldsOf(query, undefined)}` : '') +
    `<h4>The client sends</h4><dl class="fields">${rows('receive')}</dl>` +
    `<h4>The server sends</h4><dl class="fields">${rows('send')}</dl>` +
    '</section>'
  )
}

/** The first fields of a message, as a sketch. */
function shapeOf(schema: Schema): string {
  const all = {
    ...schema.properties,
    ...Object.assign({}, ...(schema.allOf ?? []).map((part) => part.properties ?? {})),
  }
  const names = Object.entries<Schema>(all).map(([name, of]) =>
    of.const === undefined ? JSON.stringify(name) : `${JSON.stringify(name)}: ${JSON.stringify(of.const)}`,
  )
  return `{${names.join(', ')}}`
}

function answers({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const types = Object.keys(content ?? {}).map((type) => `<code>${escapeHtml(type)}</code>`)
    return `<dt>${status}</dt><dd>${prose(description)}${types.length > 0 ? `<br>${types.join(', ')}` : ''}</dd>`
  })
  return `<details><summary>Answers</summary><dl class="fields">${rows.join('')}</dl></details>`
}

const resolve = (schema: Schema, document: OpenApi | undefined): Schema =>
  schema.$ref === undefined ? schema : (document?.components.schemas[schema.$ref.split('/').at(-1)!] ?? {})

function fieldsOf(schema: Schema, document: OpenApi | undefined): string {
  const { properties = {}, required = [] } = schema
  const rows = Object.entries(properties).map(([name, of]) =>
    field(name, of, document, required.includes(name) ? ['required'] : []),
  )
  return `<dl class="fields">${rows.join('')}</dl>`
}

function field(name: string, schema: Schema, document: OpenApi | undefined, notes: readonly string[]): string {
  const values = typeOf(schema, document)
  const initial = schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]
  return (
    `<dt><code>${escapeHtml(name)}</code></dt>` +
    `<dd><span class="type">${escapeHtml([...notes, values, ...initial].filter(Boolean).join(', '))}</span>` +
    `${schema.description ? `<br>${prose(schema.description)}` : ''}</dd>`
  )
}

/** What values a field takes, in words. */
function typeOf(given: Schema, document: OpenApi | undefined): string {
  const schema = resolve(given, document)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => (value === null ? 'null' : String(value))).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map((choice) => typeOf(choice, document)))].join(' or ')
  const { type, minimum, maximum, maxLength, items } = schema
  const range =
    minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
      ? ` from ${minimum} to ${maximum}`
      : ''
  if (type === 'array') return `list of ${items ? typeOf(items, document) : 'values'}`
  if (type === 'string' && maxLength !== undefined) return `string of up to ${maxLength} characters`
  return `${Array.isArray(type) ? type.join(' or ') : (type ?? 'any')}${range}`
}

/** A body with the fields that a schema demands. */
function requiredOf(schema: Schema, document: OpenApi): object {
  const { properties = {}, required = [] } = schema
  return Object.fromEntries(
    required.map((name) => {
      const of = resolve(properties[name] ?? {}, document)
      return [name, VALUES[name] ?? of.default ?? of.enum?.[0] ?? (of.type === 'number' ? 1 : '...')]
    }),
  )
}
