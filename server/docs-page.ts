/** GET /docs: the OpenAPI document to read, made here, with nothing fetched from elsewhere. */
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import { PACKAGE_ROOT } from '../src/root.ts'

const METHODS = ['get', 'post', 'delete'] as const

/** What the page loads, where the rest of server/web is not served. */
export const docsFiles = (): RequestHandler => express.static(join(PACKAGE_ROOT, 'server', 'web'), { index: false })

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!)

interface Operation {
  summary: string
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> }
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
}

/** Paths, their answers and the fields they take, from the document of openapi.ts. */
export function docsPage(document: object): string {
  const { info, paths, components } = document as {
    info: { title: string; version: string; description: string }
    paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>>>
    components: { schemas: Record<string, { properties?: Record<string, unknown>; required?: string[] }> }
  }
  const fields = (operation: Operation): string => {
    const name = operation.requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1)
    if (name === undefined) return ''
    const { properties = {}, required = [] } = components.schemas[name]!
    const rows = Object.entries(properties).map(
      ([field, of]) =>
        `<tr><th scope="row"><code>${escapeHtml(field)}</code>${required.includes(field) ? ' (required)' : ''}</th>` +
        `<td><code>${escapeHtml(JSON.stringify(of))}</code></td></tr>`,
    )
    return `<h3>Body (JSON)</h3><table>${rows.join('')}</table>`
  }
  const answers = (operation: Operation): string => {
    const rows = Object.entries(operation.responses).map(
      ([status, { description, content }]) =>
        `<tr><th scope="row">${status}</th><td>${escapeHtml(description)}</td>` +
        `<td>${Object.keys(content ?? {})
          .map((type) => `<code>${escapeHtml(type)}</code>`)
          .join(', ')}</td></tr>`,
    )
    return `<h3>Answers</h3><table>${rows.join('')}</table>`
  }
  const sections = Object.entries(paths).flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = operations[method]
      return operation ? [[method, operation] as const] : []
    }).map(
      ([method, operation]) =>
        `<section><h2><b>${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code></h2>` +
        `<p>${escapeHtml(operation.summary)}</p>${fields(operation)}${answers(operation)}</section>`,
    ),
  )
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeHtml(info.title)} API</title><link rel="stylesheet" href="/docs.css"></head><body><main>` +
    `<h1>${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1><p>${escapeHtml(info.description)} ` +
    `<a href="/openapi.json">openapi.json</a>${'/v1/audio/speech' in paths ? ', <a href="/">try a voice</a>' : ''}.</p>${sections.join('')}</main></body></html>`
  )
}
