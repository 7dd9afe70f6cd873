/** The globals of browsers that are used here. Neither TypeScript's ES library nor Node's types have them. */
interface BrowserCache {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
  keys(): Promise<readonly { readonly url: string }[]>
  delete(url: string): Promise<boolean>
}
/** Absent on pages that did not come over HTTPS or from localhost. */
declare var caches: { open(name: string): Promise<BrowserCache> } | undefined

declare var self: {
  readonly location: { readonly href: string }
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void
}

/** What a page has. */
declare class Worker {
  constructor(url: string, options: { readonly type: 'module' })
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onerror: ((event: { readonly message?: string }) => void) | null
  postMessage(message: unknown): void
  terminate(): void
}
declare var location: { readonly href: string; readonly origin: string }
