/**
 * TLS of the server's own: certificate and key from files, or made once and signed by themselves. X.509 is written here,
 * since a package for it would be larger than all the server's others together.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { SparsewaveError } from '../src/errors.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Write both where they are missing. */
  readonly selfSigned: boolean
}

/** Days that a made certificate is valid: as many as clients accept. */
const DAYS = 825

/** Certificate and key in PEM. Throws USAGE for files that are missing, no PEM, or do not belong together. */
export function readTls({ cert, key, selfSigned }: TlsFiles): { cert: string; key: string } {
  if (selfSigned && !existsSync(cert) && !existsSync(key)) {
    const made = selfSignedPair([hostname(), 'localhost'], ['127.0.0.1', '::1'])
    write(key, made.key, 0o600)
    write(cert, made.cert, 0o644)
  }
  const pair = { cert: read(cert, 'certificate'), key: read(key, 'key') }
  let fits: boolean
  try {
    fits = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch (cause) {
    throw new SparsewaveError('USAGE', `${cert} and ${key} are not a certificate and its key in PEM.`, {
      cause,
      remedy: REMEDY,
    })
  }
  if (!fits) throw new SparsewaveError('USAGE', `The key ${key} is not that of ${cert}.`, { remedy: REMEDY })
  return pair
}

const REMEDY = 'Name both files with --tls-cert and --tls-key, or add --tls-self-signed to have them made.'

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SparsewaveError('USAGE', `The TLS ${what} ${file} cannot be read.`, { cause, remedy: REMEDY })
  }
}

function write(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { mode, flag: 'wx' })
  } catch (cause) {
    throw new SparsewaveError('USAGE', `${file} cannot be written.`, {
      cause,
      remedy: 'Name files in a folder that can be written to with --tls-cert and --tls-key.',
    })
  }
}

/** A key on P-256 and a certificate for these names, signed with it (RFC 5280). */
export function selfSignedPair(names: readonly string[], addresses: readonly string[]): { cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const name = sequence(set(sequence(oid(2, 5, 4, 3), der(UTF8, Buffer.from('sparsewave')))))
  const alternatives = [
    ...[...new Set(names)].map((host) => der(0x82, Buffer.from(host, 'latin1'))),
    ...addresses.map((address) => der(0x87, bytesOf(address))),
  ]
  const extensions = sequence(
    extension(oid(2, 5, 29, 17), sequence(...alternatives)),
    // It is its own authority, so that a client can be given it as one.
    extension(oid(2, 5, 29, 19), sequence(der(BOOLEAN, Buffer.of(0xff))), true),
    extension(oid(2, 5, 29, 37), sequence(oid(1, 3, 6, 1, 5, 5, 7, 3, 1))),
  )
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  const signed = sequence(
    der(0xa0, der(INTEGER, Buffer.of(2))),
    der(INTEGER, serial),
    ECDSA_WITH_SHA256,
    name,
    // Clocks differ.
    sequence(time(now - 86_400_000), time(now + DAYS * 86_400_000)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', signed, privateKey)])
  const certificate = sequence(signed, ECDSA_WITH_SHA256, der(BIT_STRING, signature))
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

// DER (X.690): a tag, a length, the content.
const BOOLEAN = 0x01
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const UTF8 = 0x0c

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...head), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts))
const set = (...parts: Buffer[]): Buffer => der(0x31, Buffer.concat(parts))

function oid(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = [40 * first + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift(0x80 | (left & 0x7f))
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

const ECDSA_WITH_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2))

const extension = (id: Buffer, value: Buffer, critical = false): Buffer =>
  sequence(id, ...(critical ? [der(BOOLEAN, Buffer.of(0xff))] : []), der(OCTET_STRING, value))

/** UTCTime, which ends in 2049. */
const time = (ms: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`))

/** The bytes of an IP address; of IPv6 only ::1 is written short. */
const bytesOf = (address: string): Buffer =>
  address === '::1' ? Buffer.from([...Array(15).fill(0), 1]) : Buffer.from(address.split('.').map(Number))
