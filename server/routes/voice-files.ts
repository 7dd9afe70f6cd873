/**
 * GET /v1/audio/voices/VOICE/FILE: the files of a voice's package, for pages that speak by themselves. Who may speak may
 * have them. What the manifest does not name is not served, nor what lies outside the package's folder.
 */
import { realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { RequestHandler } from 'express'
import { readVoice } from '../../src/voices/index.ts'
import type { ServerDeps } from '../deps.ts'

export function voiceFiles({ catalogue, config, gate }: ServerDeps): RequestHandler {
  return async (req, res, next) => {
    const [name, file, ...more] = req.path.slice(1).split('/')
    const offered = config.givesVoices && catalogue.voices.some((voice) => voice.name === name)
    if (req.method !== 'GET' || !offered || !file || more.length > 0) return next()
    await gate.request(res.locals.caller)
    const { dir, manifest } = readVoice(name!)
    const known = Object.hasOwn(manifest.files, file) ? manifest.files[file] : undefined
    if ((!known && file !== 'voice.json') || !isInside(dir, file)) return next()
    // With its checksum in the URL a file can never be another one.
    const forever = known !== undefined && req.query.sha256 === known.sha256
    const control = forever ? 'private, max-age=31536000, immutable' : 'no-cache'
    res.sendFile(file, { root: dir, cacheControl: false, headers: { 'Cache-Control': control } })
  }
}

/** Whether a file lies in a folder, also after links have been followed. */
function isInside(dir: string, file: string): boolean {
  try {
    return realpathSync(join(dir, file)).startsWith(realpathSync(dir) + sep)
  } catch {
    return false
  }
}
