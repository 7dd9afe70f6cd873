// Mounts the speech API in an Express app of your own, over HTTP and WebSocket, beside the app's own routes.
// Run:   PORT=3000 node express-app.mjs, then POST to http://localhost:3000/speech/v1/audio/speech
// Needs: npm install sparsewave express
import { createServer } from 'node:http'
import express from 'express'
import { createSpeechRouter } from 'sparsewave/server'

const speech = await createSpeechRouter({ workers: 1 })

const app = express()
app.get('/', (_request, response) => response.send('An app that can speak.'))
app.use('/speech', speech.handler)

const server = createServer(app)
speech.attachWebSocket(server, { path: '/speech' })
server.listen(process.env.PORT ?? 3000, () => console.log(`http://localhost:${server.address().port}/`))

process.once('SIGTERM', async () => {
  server.close()
  await speech.close()
})
