// Speaks a text into a file. The ending of its name chooses the format: wav, mp3, opus, flac.
// Run:   node to-file.mjs "Hello there." hello.mp3
// Needs: npm install sparsewave
import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { openVoice } from 'sparsewave'

const [text = 'Hello there.', file = 'hello.wav'] = process.argv.slice(2)

const voice = await openVoice()
await writeFile(file, await voice.speak(text, { format: extname(file).slice(1) }))
await voice.close()
