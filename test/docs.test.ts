/**
 * The documents say what is so: links and paths lead somewhere, commands, flags, variables, error codes, metrics and job keys
 * are those of the code, and what the code has is documented. Prose keeps to the rules of docs/README.md.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { Command } from 'commander'
import { registerTrainingCommands } from 'sparsewave-training/internal/index'
import { acousticJobSchema } from 'sparsewave-training/internal/tasks/acoustic/config'
import { sparseWavernnJobSchema } from 'sparsewave-training/internal/tasks/sparse-wavernn/job'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { configSchema } from '../server/config.ts'
import { completionsCommand } from '../src/cli/completions.ts'
import { doctorCommand } from '../src/cli/doctor.ts'
import { keysCommand } from '../src/cli/keys.ts'
import { readCommand } from '../src/cli/read.ts'
import { serveCommand } from '../src/cli/serve.ts'
import { speakCommand } from '../src/cli/speak.ts'
import { voicesCommand } from '../src/cli/voices.ts'
import { ERRORS } from '../src/errors.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { MASK_METHODS } from '../training/masks/index.ts'

/** Files of the repository, as paths from its root: those git knows and those it would add. */
const FILES = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: PACKAGE_ROOT,
  encoding: 'utf8',
  maxBuffer: 1 << 26,
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(PACKAGE_ROOT, file)))

const read = (file: string) => readFileSync(join(PACKAGE_ROOT, file), 'utf8')
const DOCUMENTS = FILES.filter((file) => file.endsWith('.md')).map((file) => ({ file, text: read(file) }))
const SOURCES = FILES.filter(
  (file) => /\.(ts|mjs|js|cpp|h|py|ya?ml|sh)$|^Dockerfile$|^\.ci\/run$/.test(file) && file !== 'test/docs.test.ts',
).map((file) => ({ file, text: read(file) }))

/** Documents that describe the present. Decisions and the change log tell history and keep the words of their time. */
const isHistory = (file: string) => /^docs\/decisions\/|CHANGELOG\.md$/.test(file)
const CURRENT = DOCUMENTS.filter(({ file }) => !isHistory(file))

/** Text of a document outside fenced and indented code. */
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/^ {4}.*$/gm, '')

const findings = (
  documents: readonly { file: string; text: string }[],
  find: (text: string, file: string) => string[],
) => documents.flatMap(({ file, text }) => find(text, file).map((what) => `${file}: ${what}`))

// Links ---------------------------------------------------------------------------------------------------------------

/** Anchors as GitHub makes them of headings. */
function anchors(text: string): Set<string> {
  const seen = new Map<string, number>()
  const found = new Set<string>()
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    found.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return found
}

function* links(text: string): Generator<string> {
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '')
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)) yield target!
  for (const [, target] of prose.matchAll(/(?:src|href|srcset)="([^"]+)"/g)) yield target!
}

test('every relative link and anchor of a document leads somewhere', () => {
  const broken = findings(DOCUMENTS, (text, file) =>
    [...links(text)].flatMap((link) => {
      if (/^(https?|mailto):/.test(link)) return []
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : normalize(join(dirname(file), decodeURI(path)))
      if (!existsSync(join(PACKAGE_ROOT, target))) return [link]
      if (anchor === undefined || !target.endsWith('.md')) return []
      return anchors(read(target)).has(anchor) ? [] : [link]
    }),
  )
  expect(broken).toEqual([])
})

test('every document under docs stands in an index', () => {
  const reached = new Set<string>()
  const visit = (file: string) => {
    if (reached.has(file) || !existsSync(join(PACKAGE_ROOT, file))) return
    reached.add(file)
    // Only indexes lead on: a page that only another page links to is hard to find.
    if (!file.endsWith('README.md')) return
    for (const link of links(read(file))) {
      const target = link.split('#')[0]!
      if (target.endsWith('.md') && !/^https?:/.test(target)) visit(normalize(join(dirname(file), target)))
    }
  }
  visit('docs/README.md')
  expect(DOCUMENTS.map((d) => d.file).filter((file) => file.startsWith('docs/') && !reached.has(file))).toEqual([])
})

// Paths ---------------------------------------------------------------------------------------------------------------

const ROOTS = 'src|server|training|native|wasm|models|test|bench|deploy|docs|scripts|bin|examples|\\.ci|\\.github'

/** What is built, as the source that it is built from. */
const sourceOf = (path: string) => {
  const built = /^(?:(training|bench)\/)?dist\/(.*)\.js$/.exec(path)
  return built ? join(built[1] ?? '', `${built[2]}.ts`) : path
}

/** Paths in `text` that begin with a folder of the top level. Placeholders in capitals stand for any name. */
function* namedPaths(text: string): Generator<string> {
  const pattern = new RegExp(`(?<![\\w./@~-])((?:${ROOTS})/[\\w./{},*-]+)`, 'g')
  for (const [, path] of text.matchAll(pattern)) {
    const trimmed = path!.replace(/[.,*-]+$/, '')
    if (!/\b[A-Z]{2,}\b(?!\.md)/.test(trimmed)) yield trimmed
  }
}

/** Outputs of builds, which a checkout need not have, and files that the reader of a guide writes. */
const isOutput = (path: string) => /^(training\/|bench\/)?(build|dist)\//.test(path)
const isReaders = (path: string) => /\/(mine|plain|steady|wide)([./]|$)/.test(path)

/** Files and folders of the repository. */
const KNOWN = new Set(FILES.flatMap((file) => file.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))))

/** Whether a path is there. `*` and `{a,b}` work as in a shell, and an ending may be left out (`docs/decisions/104`). */
function exists(path: string): boolean {
  const source = sourceOf(path).replace(/\/$/, '')
  if (isOutput(source) || isReaders(source) || KNOWN.has(source)) return true
  const pattern = source
    .replace(/[.+?^$()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '[^/]*')
    .replace(/\{([^}]*)\}/g, (_, names: string) => `(${names.split(',').join('|')})`)
  const whole = new RegExp(`^${pattern}([-.][^/]*)?$`)
  return [...KNOWN].some((known) => whole.test(known))
}

test('every path that a document names exists', () => {
  const missing = findings(CURRENT, (text) => {
    const prose = text.replace(/\]\([^)]*\)/g, ']()').replace(/https?:\/\/\S+/g, '')
    return [...namedPaths(prose)].filter((path) => !exists(path))
  })
  expect(missing).toEqual([])
})

/** Comments of a source, and strings that send a reader to docs/. */
function comments(text: string, file: string): string {
  if (/\.(ts|mjs|js|cpp|h)$/.test(file)) {
    const found = [...text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm)].map(([comment]) => comment)
    return `${found.join('\n')}\n${(text.match(/docs\/[\w./-]+/g) ?? []).join('\n')}`
  }
  return [...text.matchAll(/(?<=^|\s)#.*$|"""[\s\S]*?"""/gm)].map(([comment]) => comment).join('\n')
}

test('every path that a comment names exists', () => {
  const missing = findings(SOURCES, (text, file) =>
    [...namedPaths(comments(text, file))].filter((path) => {
      // A training source may name its own folder's files from the package's root.
      const own = /^(training|bench)\//.exec(file)?.[1]
      return !exists(path) && !(own && exists(join(own, path)))
    }),
  )
  expect(missing).toEqual([])
})

/** What a module exports, by name. */
const exportsOf = (file: string): Set<string> =>
  new Set(
    [
      ...read(file).matchAll(
        /export (?:async )?(?:function\*?|class|const|interface|type) (\w+)|export (?:type )?\{([^}]*)\}/g,
      ),
    ].flatMap(([, name, list]) =>
      name
        ? [name]
        : list!.split(',').flatMap(
            (entry) =>
              entry
                .trim()
                .replace(/^type /, '')
                .split(' as ')
                .at(-1) || [],
          ),
    ),
  )

test('the code of a guide imports what there is', () => {
  const broken = findings(CURRENT, (text) =>
    [...text.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```/gm)].flatMap(([, file, code]) =>
      [...code!.matchAll(/^import (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap(([, list, from]) => {
        const target = from!.startsWith('.')
          ? normalize(join(dirname(file!), from!))
          : from!.replace(/^sparsewave\/internal\/(.*)/, 'src/$1.ts')
        if (!target.endsWith('.ts') || isReaders(target)) return []
        if (!KNOWN.has(target)) return [`${file}: ${from}`]
        const known = exportsOf(target)
        const wanted = list!.split(',').map((name) => name.trim().replace(/^type /, ''))
        return wanted.filter((name) => name !== '' && !known.has(name)).map((name) => `${file}: ${name} of ${from}`)
      }),
    ),
  )
  expect(broken).toEqual([])
})

// Commands ------------------------------------------------------------------------------------------------------------

const program = new Command('sparsewave')
for (const command of [
  speakCommand(),
  serveCommand(),
  readCommand(),
  keysCommand(),
  voicesCommand(),
  doctorCommand(),
  completionsCommand(),
])
  program.addCommand(command)
registerTrainingCommands(program)

interface Known {
  readonly name: string
  readonly flags: readonly string[]
}
const COMMANDS: readonly Known[] = (function list(command: Command, path: string): Known[] {
  const flags = command.options.flatMap((option) => [option.long, option.short].flatMap((flag) => flag ?? []))
  const own = path === '' ? [] : [{ name: path, flags }]
  const visible = command.createHelp().visibleCommands(command)
  return [
    ...own,
    ...visible
      .filter((child) => child.name() !== 'help')
      .flatMap((child) => list(child, `${path} ${child.name()}`.trim())),
  ]
})(program, '')
const HELP = ['--help', '-h', '--version', '-V']

/** Command lines in a document: `sparsewave ...` in code, up to a comment, pipe or other end. */
function* commandLines(text: string): Generator<string> {
  const code = [
    ...[...text.matchAll(/^```(?:sh|bash|console)?\n([\s\S]*?)^```/gm)].map(([, block]) => block!),
    ...[...text.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line!),
    ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!),
  ]
  for (const block of code) {
    const joined = block.replace(/\\\n/g, ' ').replace(/"[^"\n]*"/g, 'TEXT')
    for (const line of joined.split('\n')) {
      const found = /(?:^|[\s/;&|])sparsewave ((?:[a-z]+|--?\w).*)$/.exec(line.replace(/\s#.*$/, ''))
      if (found) yield found[1]!.split(/[|;&>]/)[0]!.trim()
    }
  }
}

test('every command and flag that a document names exists', () => {
  const unknown = findings(CURRENT, (text) =>
    [...commandLines(text)].flatMap((line) => {
      const words = line.split(/\s+/)
      const command = [...COMMANDS]
        .sort((a, b) => b.name.length - a.name.length)
        .find(({ name }) => `${line} `.startsWith(`${name} `))
      const flags = words.filter((word) => /^--?[a-zA-Z]/.test(word)).map((word) => word.replace(/=.*/, ''))
      if (!command && /^[a-z]/.test(line)) {
        // `train|study|jobs` and the like list several.
        const listed = words[0]!.split(/[|,]/)
        return listed.every((word) => COMMANDS.some(({ name }) => name === word)) ? [] : [`sparsewave ${line}`]
      }
      return flags
        .filter((flag) => !HELP.includes(flag) && !command?.flags.includes(flag))
        .map((flag) => `sparsewave ${line}: ${flag}`)
    }),
  )
  expect(unknown).toEqual([])
})

test('every flag that stands alone in a document is one of ours or of npm', () => {
  const known = new Set([...COMMANDS.flatMap(({ flags }) => flags), ...HELP, '--omit', '--ignore-scripts'])
  const programs = SOURCES.filter(({ file }) => /^(bench|scripts|training\/(corpora|scripts))\//.test(file))
  const reads = (flag: string) =>
    programs.some(({ text }) => text.includes(flag) || new RegExp(`\\b${flag.slice(2)}: \\{ type`).test(text))
  const unknown = findings(CURRENT, (text) =>
    [...text.matchAll(/`(--[a-z][\w-]*)[^`\n]*`/g)]
      .map(([, flag]) => flag!)
      .filter((flag) => !known.has(flag) && !reads(flag)),
  )
  expect(unknown).toEqual([])
})

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const unknown = findings(CURRENT, (text) =>
    [...text.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name]) => name!).filter((name) => !(name in scripts)),
  )
  expect(unknown).toEqual([])
})

test('every flag of a benchmark that a document names is one that it reads', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const unknown = findings(CURRENT, (text) =>
    [
      ...text
        .replace(/\\\n/g, ' ')
        .matchAll(/(?:npm run (bench:[\w-]+) --|node ((?:bench|training)\/dist\/[\w/-]+\.js))(.*)$/gm),
    ].flatMap(([, script, built, rest]) => {
      const entry = sourceOf(built ?? /bench\/dist\/\S+\.js/.exec(scripts[script!] ?? '')?.[0] ?? '')
      if (!existsSync(join(PACKAGE_ROOT, entry))) return [entry]
      const source = read(entry)
      const flags = rest!.replace(/[`#].*/, '').match(/--[a-z][\w-]*/g) ?? []
      return flags
        .filter(
          (flag) =>
            !source.includes(flag) &&
            !source.includes(`'${flag.slice(2)}'`) &&
            !new RegExp(`\\b${flag.slice(2)}: \\{`).test(source),
        )
        .map((flag) => `${entry}: ${flag}`)
    }),
  )
  expect(unknown).toEqual([])
})

test('the command reference has every command and every option', () => {
  const text = read('docs/reference/cli.md')
  const missing = COMMANDS.filter(({ name }) => name !== 'jobs' && name !== 'jobs add').flatMap(({ name, flags }) => {
    const section = text
      .split(/^#{2,3} /m)
      .find((part) => part.startsWith(`${name}\n`) || part.startsWith(`\`${name}\`\n`))
    if (section === undefined) return [name]
    return flags
      .filter((flag) => flag.startsWith('--') && !section.includes(`\`${flag}`))
      .map((flag) => `${name} ${flag}`)
  })
  expect(missing).toEqual([])
})

// Variables, errors, metrics, keys ------------------------------------------------------------------------------------

const names = (text: string, pattern: RegExp) => new Set(text.match(pattern) ?? [])
const isShipped = (file: string) => !/\.test\.ts$|^test\/|\/testing\//.test(file)

test('every variable that a document names exists, every variable of the code is documented', () => {
  const pattern = /\bSPARSEWAVE_[A-Z_]*[A-Z]\b/g
  const code = names(SOURCES.map(({ text }) => text).join('\n'), pattern)
  const unknown = findings(CURRENT, (text) => [...names(text, pattern)].filter((name) => !code.has(name)))
  expect(unknown).toEqual([])
  const documented = names(read('docs/reference/configuration.md'), /\b[A-Z][A-Z_]+\b/g)
  const shipped = SOURCES.filter(({ file }) => isShipped(file) && !/^(bench|deploy)\//.test(file))
  const needed = [...names(shipped.map(({ text }) => text).join('\n'), pattern), ...Object.keys(configSchema.shape)]
  expect([...new Set(needed)].filter((name) => !documented.has(name))).toEqual([])
})

test('the error reference has every code with its status', () => {
  const rows = [...read('docs/reference/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| ([^|]+) \| ([^|]+) \|$/gm)]
  const documented = Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]))
  expect(documented).toEqual(Object.fromEntries(Object.entries(ERRORS).map(([code, { status }]) => [code, status])))
})

test('the reference of masks has a row for every method', () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs/reference/masks.md'), 'utf8')
  expect(MASK_METHODS.filter((name) => !page.includes(`| \`${name}\``))).toEqual([])
})

test('the metrics reference has every metric, and documents and dashboards name no other', () => {
  const pattern = /\b(?:tts|ws|train)_[a-z_]*[a-z]\b/g
  const made = SOURCES.filter(({ file }) => /(^|\/)metrics\.ts$/.test(file)).flatMap(({ text }) => [
    ...names(text, /(?<=')(?:tts|ws|train)_[a-z_]*[a-z](?=')/g),
  ])
  expect(made.length).toBeGreaterThan(20)
  const documented = names(read('docs/reference/metrics.md'), pattern)
  expect(made.filter((name) => !documented.has(name))).toEqual([])
  const known = new Set(made.flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]))
  const watchers = [
    ...CURRENT,
    ...FILES.filter((file) => file.startsWith('deploy/')).map((file) => ({ file, text: read(file) })),
  ]
  expect(findings(watchers, (text) => [...names(text, pattern)].filter((name) => !known.has(name)))).toEqual([])
})

/** Dotted keys of an object's schema. */
function keys(schema: z.ZodType, prefix = ''): string[] {
  const at = schema as unknown as { shape?: Record<string, z.ZodType>; def?: { innerType?: z.ZodType; in?: z.ZodType } }
  const inner = at.def?.innerType ?? at.def?.in
  if (at.shape)
    return Object.entries(at.shape).flatMap(([key, value]) => {
      const below = keys(value, `${prefix}${key}.`)
      return below.length > 0 ? below : [prefix + key]
    })
  return inner ? keys(inner, prefix) : []
}

test.each([
  ['sparse-wavernn', sparseWavernnJobSchema],
  ['acoustic', acousticJobSchema],
])('the job file reference has every key of a %s job', (task, schema) => {
  const all = keys(schema)
  expect(all.length).toBeGreaterThan(20)
  const section = read('docs/reference/job-file.md')
    .split(/^## /m)
    .find((part) => part.startsWith(`\`task: ${task}\``))!
  expect(all.filter((key) => key !== 'task' && !section.includes(`\`${key}\``))).toEqual([])
})

// Prose ---------------------------------------------------------------------------------------------------------------

/** Prose of a document: no code, tables, links' targets or pictures. */
const prose = (text: string) =>
  withoutCode(text)
    .replace(/^\|.*$/gm, '')
    .replace(/`[^`\n]*`/g, 'x')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/&\w+;/g, '')

/** Documents whose prose is held to the rules. */
const WRITTEN = CURRENT.filter(({ file }) => file.startsWith('docs/') || !file.includes('/'))

test('prose has fewer than three semicolons in a thousand words', () => {
  const heavy = findings(WRITTEN, (text) => {
    const plain = prose(text)
    const words = plain.split(/\s+/).length
    const count = plain.split(';').length - 1
    return count > Math.max(1, (3 * words) / 1000) ? [`${count} in ${words} words`] : []
  })
  expect(heavy).toEqual([])
})

test('prose avoids the words that readers stumbled over', () => {
  const avoided: readonly RegExp[] = [
    /\bcompany\b/i,
    /\bwhoever\b/i,
    /\bwhose turn\b/i,
    /\btold\b/i,
    /\b(?:has|have|had|hears?|heard) (?:a|no) gaps?\b/i,
    /\blevels (?:come )?from a draft\b/i,
    /\bthe control\b(?! (?:group|method|plane))/i,
    /\bseats?\b/i,
    /\blisteners? (?:wanted|had)\b/i,
    /\baudio (?:is|was) made\b/i,
    /\banother make\b/i,
    /\btell_state\b|\bHARDLY\b|\bPROVIDED\b/,
  ]
  const found = findings(WRITTEN, (text) => {
    const plain = prose(text)
    return avoided.flatMap((word) => word.exec(plain)?.[0] ?? [])
  })
  expect(found).toEqual([])
})

test('the documents were found', () => {
  expect(WRITTEN.length).toBeGreaterThan(50)
})
