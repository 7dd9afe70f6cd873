/** Parts of the command line by themselves. The command as a process is tested in test/command.test.ts. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import type { SentenceTime } from '../synthesis/index.ts'
import { completions, completionsCommand } from './completions.ts'
import { progressLine } from './progress.ts'
import { speakCommand } from './speak.ts'
import { IncomingText } from './text-source.ts'
import { cuesOf, timestampsWriter } from './timestamps.ts'
import { voicesCommand } from './voices.ts'

/** A sentence whose words last a second each, `at` characters into the input. */
function spoken(text: string, at = 0, from = 0): SentenceTime {
  const words = [...text.matchAll(/[\w']+/g)].map(({ 0: word, index }, i) => ({
    text: word,
    start: at + index,
    end: at + index + word.length,
    from: from + i,
    to: from + i + 0.9,
    phonemes: [],
  }))
  return { index: 0, text, start: at, end: at + text.length, from, to: from + words.length, words }
}

test('a cue has a sentence, or as many words of one as two lines hold', () => {
  const long = `${'word '.repeat(30).trim()}.`
  const cues = cuesOf([spoken('Two, words.'), spoken(long, 20, 5)])
  expect(cues[0]).toEqual({ text: 'Two, words.', from: 0, to: 1.9 })
  expect(cues.length).toBe(3)
  for (const { text } of cues) expect(text.length).toBeLessThanOrEqual(84)
  expect(
    cues
      .slice(1)
      .map(({ text }) => text)
      .join(' '),
  ).toBe(long)
  expect(cues[2]!.from).toBeGreaterThan(cues[1]!.to)
})

test('SRT and WebVTT are written by their rules', () => {
  const sentences = [spoken('It is <1> & so.', 0, 3661.5)]
  expect(timestampsWriter('a.srt')(sentences)).toBe('1\n01:01:01,500 --> 01:01:05,400\nIt is <1> & so.\n')
  expect(timestampsWriter('a.VTT')(sentences)).toBe(
    'WEBVTT\n\n01:01:01.500 --> 01:01:05.400\nIt is &lt;1&gt; &amp; so.\n',
  )
  expect(JSON.parse(timestampsWriter('a.json')(sentences))).toEqual(sentences)
  expect(() => timestampsWriter('a.txt')).toThrow(/\.json, \.srt or \.vtt/)
})

test('the line of progress has what is known', () => {
  expect(progressLine({ audio: 12.34, took: 2, part: 0.25 })).toBe('25 %, 12.3 s of audio, 6.2x real time, 6 s left')
  expect(progressLine({ audio: 12.34, took: 2 })).toBe('12.3 s of audio, 6.2x real time')
})

test('text is taken from a pipe as it comes, or waited for where it is SSML', async () => {
  const pipe = new PassThrough()
  const text = new IncomingText(pipe)
  pipe.write('Hello ')
  expect(await text.isWhole(false)).toBe(false)
  const pieces = text.pieces()
  expect((await pieces.next()).value).toBe('Hello ')
  const next = pieces.next()
  pipe.end('there.')
  expect((await next).value).toBe('there.')
  expect((await pieces.next()).done).toBe(true)

  const markup = new PassThrough()
  const document = new IncomingText(markup)
  markup.write('<speak>')
  expect(await document.isWhole(false)).toBe(true)
  const whole = document.whole()
  markup.end('Hi.</speak>')
  expect(await whole).toBe('<speak>Hi.</speak>')
})

const program = new Command('sparsewave')
for (const command of [speakCommand(), voicesCommand(), completionsCommand()]) program.addCommand(command)

/** What bash offers after the words. The last one is being typed. */
function offered(...words: string[]): string[] {
  const quoted = ['sparsewave', ...words].map((word) => `'${word}'`).join(' ')
  const script = `sparsewave() { echo heart; }\n${completions(program, 'bash')}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _sparsewave; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((word) => word !== '')
}

test.skipIf(spawnSync('bash', ['--version']).status !== 0)('bash completes commands, options and their values', () => {
  expect(offered('s')).toEqual(['speak'])
  expect(offered('speak', '--ti')).toEqual(['--timestamps'])
  expect(offered('speak', '--vocoder', 's')).toEqual(['sparse-wavernn', 'source-filter'])
  expect(offered('speak', '--voice', '')).toEqual(['heart'])
  expect(offered('speak', '--voice', 'heart', '--fo')).toEqual(['--format'])
  expect(offered('completions', '--h')).toEqual(['--help'])
})

test.each(['zsh', 'fish'] as const)('the script of %s has every option, and the shell takes it', (shell) => {
  const script = completions(program, shell)
  for (const flag of ['timestamps', 'play', 'lexicon', 'names']) expect(script).toContain(flag)
  const folder = mkdtempSync(join(tmpdir(), 'completions-'))
  const file = join(folder, 'script')
  writeFileSync(file, script)
  // Where the shell is not installed, its syntax is not checked.
  const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  if (!error) expect(status, stderr).toBe(0)
})
