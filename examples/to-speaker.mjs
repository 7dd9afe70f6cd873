// Speaks through the loudspeaker while the speech is synthesized.
// Run:   node to-speaker.mjs "Hello there."
// Needs: npm install sparsewave, and a player that reads PCM. PLAYER names another than ALSA's aplay.
import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { encode, openVoice } from 'sparsewave'

const text = process.argv[2] ?? 'Hello there. The first sound comes before the sentence is finished.'
const [player, ...options] = (process.env.PLAYER ?? 'aplay -q -t raw -f S16_LE -r 24000 -c 1').split(' ')

const voice = await openVoice()
const { stdin } = spawn(player, options, { stdio: ['pipe', 'inherit', 'inherit'] })
await pipeline(encode(voice.stream(text), { format: 'pcm' }), stdin)
await voice.close()
