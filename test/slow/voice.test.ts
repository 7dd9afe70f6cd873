/** `sparsewave voice create` from a folder of recordings to a voice that speaks. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openVoice } from '../../src/api/voice.ts'
import { main } from '../../src/cli/main.ts'
import { PACKAGE_ROOT } from '../../src/root.ts'
import { describeTfjs } from '../../training/engines/tfjs.ts'

const dir = mkdtempSync(join(tmpdir(), 'own-voice-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const TEXTS = [
  'The old man sat by the river.',
  'Nobody came to the house that evening.',
  'He had not seen a boat all day.',
  'In the morning the rain began to fall.',
  'She opened the window and looked out.',
  'There was nothing left on the table.',
  'We walked along the beach for an hour.',
]

// In plain JavaScript an update of the shipped model takes minutes.
test.skipIf(!describeTfjs().startsWith('@'))(
  'a folder of recordings becomes a voice with a card, samples and a report',
  async () => {
    const recordings = join(dir, 'recordings')
    const models = join(dir, 'models')
    mkdirSync(recordings)
    const heart = await openVoice('heart', { vocoder: 'source-filter' })
    for (const [i, text] of TEXTS.entries()) {
      writeFileSync(join(recordings, `s${i + 1}.flac`), await heart.speak(text, { seed: 1, format: 'flac' }))
      writeFileSync(join(recordings, `s${i + 1}.txt`), text)
    }
    await heart.close()
    const projects = join(dir, 'voices')
    const code = await main([
      'voice',
      'create',
      recordings,
      ...['--name', 'ada', '--speaker', 'Ada King', '--consent', 'my own voice', '--licence', 'CC0-1.0'],
      ...['--projects', projects, '--from', join(PACKAGE_ROOT, 'models/heart'), '-o', models],
      ...['--updates', '3', '--slow'],
    ])
    expect(code).toBe(0)
    const card = readFileSync(join(models, 'ada', 'MODEL_CARD.md'), 'utf8')
    for (const text of ['Ada King', 'my own voice', 'CC0-1.0', '3 updates from the voice heart'])
      expect(card).toContain(text)
    const voice = await openVoice('ada', { modelsDir: models })
    expect((await voice.speak('Hello there.', { seed: 1 })).length).toBeGreaterThan(20_000)
    await voice.close()
    // The seventh recording was held out for listening.
    expect(existsSync(join(projects, 'ada', 'listen', 'r0007.wav'))).toBe(true)
    expect(readFileSync(join(projects, 'ada', 'report.html'), 'utf8')).toContain('src="listen/r0007.wav"')
  },
)
