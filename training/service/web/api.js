// Requests to the server: the key in a header, errors as sentences.
export class Api {
  constructor(key) {
    this.key = key
  }

  async request(path, options = {}) {
    const response = await fetch(path, {
      ...options,
      headers: { Authorization: `Bearer ${this.key}`, ...options.headers },
    })
    if (response.ok) return response
    const { error } = await response
      .json()
      .catch(() => ({ error: { message: `The server answered ${response.status}.` } }))
    throw Object.assign(new Error(error.message), { status: response.status })
  }

  async json(path, options) {
    return (await this.request(path, options)).json()
  }

  post = (path) => this.json(path, { method: 'POST' })

  async blob(path) {
    return (await this.request(path)).blob()
  }

  /** All of a list, page after page, newest first. */
  async all(path) {
    const data = []
    for (let after = ''; ; ) {
      const page = await this.json(`${path}?limit=100${after && `&after=${encodeURIComponent(after)}`}`)
      data.push(...page.data)
      if (!page.has_more) return data
      after = page.last_id
    }
  }

  /** Events of a job as they come, until it ends or `signal` is aborted. A stream that breaks goes on where it was. */
  async follow(job, { signal, event, change }) {
    for (let last = ''; !signal.aborted; ) {
      const headers = last && { 'Last-Event-ID': last }
      const response = await this.request(`/v1/training/jobs/${job}/events?stream=true`, { signal, headers })
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      let ended = false
      for (let text = ''; ; ) {
        const { done, value } = await reader.read()
        if (done) break
        const blocks = (text + value).split('\n\n')
        text = blocks.pop()
        for (const block of blocks) {
          const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
          last = field('id') ?? last
          if (field('event') === 'event') event(JSON.parse(field('data')))
          if (field('event') === 'job') {
            const now = JSON.parse(field('data'))
            ended = !['queued', 'running'].includes(now.status)
            change(now)
          }
        }
      }
      if (ended) return
    }
  }
}
