/** `sparsewave voice` as it is typed, up to the corpus. test/slow/voice.test.ts goes on to the voice. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Command } from 'commander'
import { openVoice } from 'sparsewave/internal/api/voice'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readCorpus } from '../data/corpus.ts'
import type { AlignedUtterance } from './align/index.ts'
import { registerVoiceCommands } from './cli.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'voice-'))
const recordings = path.join(dir, 'recordings')
const projects = path.join(dir, 'voices')
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const TEXTS = [
  'The old man sat by the river.',
  'Nobody came to the house that evening.',
  'He had not seen a boat all day.',
]
beforeAll(async () => {
  mkdirSync(recordings)
  const voice = await openVoice('heart', { vocoder: 'source-filter' })
  for (const [i, text] of TEXTS.entries())
    writeFileSync(path.join(recordings, `s${i + 1}.wav`), await voice.speak(text, { seed: 1, sampleRate: 22050 }))
  await voice.close()
  // The third text is not what is spoken.
  const said = [TEXTS[0], TEXTS[1], 'He never bought a purple hat again.']
  writeFileSync(path.join(recordings, 'metadata.csv'), said.map((t, i) => `s${i + 1}|${t}`).join('\n'))
})

/** Runs a command; gives what it printed. */
async function voice(...argv: string[]): Promise<string> {
  const program = new Command().exitOverride()
  registerVoiceCommands(program)
  let out = ''
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    out += chunk
    return true
  })
  try {
    await program.parseAsync(['voice', ...argv, '--projects', projects], { from: 'user' })
  } finally {
    spy.mockRestore()
  }
  return out
}

test('a voice is not begun where training it would take hours, unless that is asked for', async () => {
  const empty = mkdtempSync(path.join(dir, 'no-tensorflow-'))
  vi.stubEnv('SPARSEWAVE_TENSORFLOW', empty)
  const said = ['--name', 'slow', '--speaker', 'Ada King', '--consent', 'my own voice']
  await expect(voice('create', recordings, ...said)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    remedy: expect.stringMatching(/sparsewave setup.*--slow/),
  })
  // No step was begun.
  await expect(voice('align', '--name', 'slow')).rejects.toMatchObject({ code: 'CORPUS_MISSING' })
  await expect(voice('train', ...said, '--slow')).rejects.toMatchObject({ code: 'CORPUS_MISSING' })
  vi.unstubAllEnvs()
})

test('no voice is made without saying whose it is, and a step without the one before says what to do', async () => {
  await expect(voice('create', recordings, '--name', 'eve')).rejects.toMatchObject({
    code: 'USAGE',
    remedy: expect.stringMatching(/--speaker .* --consent/),
  })
  await expect(voice('align', '--name', 'nobody')).rejects.toMatchObject({
    code: 'CORPUS_MISSING',
    remedy: expect.stringContaining('voice check RECORDINGS --name nobody'),
  })
  await expect(voice('check', recordings, '--name', 'Not A Name')).rejects.toMatchObject({ code: 'USAGE' })
  await expect(voice('check', dir, '--name', 'ada', '--language', 'xx')).rejects.toMatchObject({
    code: 'VOICE_MISMATCH',
  })
})

test('recordings become a corpus with durations, without those whose text is another', async () => {
  expect(await voice('check', recordings, '--name', 'ada')).toMatch(/import +3 recordings\ncheck +3 good, 0 left out\n/)
  const report = path.join(projects, 'ada', 'report.html')
  expect(await voice('align', '--name', 'ada')).toMatch(
    /align +2 utterances, 1 left out, such as s3\.wav: Something else than/,
  )
  expect(readFileSync(report, 'utf8')).toContain('is spoken')

  const corpus = path.join(projects, 'ada', 'align')
  // It reads as a corpus: durations fit symbols and samples.
  const utterances = readCorpus(corpus)
  expect(utterances.map((u) => u.text)).toEqual(TEXTS.slice(0, 2))
  for (const u of utterances) {
    expect(statSync(u.audio).size).toBe(44 + 2 * u.samples!)
    expect(Math.min(...u.durations!)).toBeGreaterThanOrEqual(1)
  }
  const lines = readFileSync(path.join(corpus, 'recordings.jsonl'), 'utf8').trim().split('\n')
  const { words } = (JSON.parse(lines[0]!) as { utterances: AlignedUtterance[] }).utterances[0]!
  expect(words.map((w) => w.text)).toEqual(['The', 'old', 'man', 'sat', 'by', 'the', 'river'])
  for (const [i, word] of words.entries()) expect(word.start).toBeGreaterThanOrEqual(words[i - 1]?.end ?? 0.2)
})

test('a step that is done is not repeated, and a corrected text brings the recording back', async () => {
  const audio = path.join(projects, 'ada', 'align', 'audio', 'r0001.wav')
  const before = statSync(audio).mtimeMs
  writeFileSync(path.join(recordings, 'metadata.csv'), TEXTS.map((t, i) => `s${i + 1}|${t}`).join('\n'))
  await voice('check', '--name', 'ada')
  expect(await voice('align', '--name', 'ada')).toMatch(/align +3 utterances, 0 left out/)
  expect(statSync(audio).mtimeMs).toBe(before)
})
