// Trains a tiny voice: records a corpus (from another voice here, from a person in earnest), trains its vocoder, exports it.
// Run:   node train-a-voice.mjs my-voice 2000
// Needs: npm install sparsewave sparsewave-training, and a C++ compiler. A voice worth hearing takes 100,000 updates.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openVoice } from 'sparsewave'

const [name = 'my-voice', updates = '2000'] = process.argv.slice(2)
const SENTENCES = [
  'The birch canoe slid on the smooth planks.',
  'Glue the sheet to the dark blue background.',
  'It is easy to tell the depth of a well.',
  'These days a chicken leg is a rare dish.',
  'Rice is often served in round bowls.',
  'The juice of lemons makes fine punch.',
]

// A corpus in the layout of LJSpeech: id|text|text, and a WAV of 24 kHz for each id.
mkdirSync('corpus/wavs', { recursive: true })
const speaker = await openVoice('heart')
const lines = []
for (const [i, text] of SENTENCES.entries()) {
  const id = `sentence_${i + 1}`
  writeFileSync(`corpus/wavs/${id}.wav`, await speaker.speak(text, { seed: i }))
  lines.push(`${id}|${text}|${text}`)
}
await speaker.close()
writeFileSync('corpus/metadata.csv', `${lines.join('\n')}\n`)

// A small net and few updates. JSON is YAML.
const job = {
  task: 'sparse-wavernn',
  corpus: 'corpus',
  run: 'run',
  cache: 'cache',
  net: { hidden: 64, headHidden: 16, conditioning: 32 },
  training: { updates: Number(updates), lanes: 16, warmup: 20 },
}
writeFileSync('job.yaml', JSON.stringify(job, null, 2))
sparsewave('train', 'job.yaml')

// The new vocoder takes its place beside the acoustic model of a copy of an old voice. `compact` gives the copy its folder's name.
const heart = join(dirname(fileURLToPath(import.meta.resolve('sparsewave/package.json'))), 'models/heart')
const voice = join('voices', name)
cpSync(heart, voice, { recursive: true })
sparsewave('compact', 'run', '-o', voice, '--corpus', 'corpus', '--cache', 'cache')

const trained = await openVoice(`./${voice}`)
writeFileSync('spoken.wav', await trained.speak('This is my own voice.'))
await trained.close()

function sparsewave(...words) {
  const { status } = spawnSync('npx', ['sparsewave', ...words], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
