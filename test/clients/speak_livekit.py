"""LiveKit's own services for OpenAI, ElevenLabs and Deepgram, with text that comes word by word where they take it so."""
import asyncio

import aiohttp
import openai
from checks import HTTP, KEY, TEXT, check, done
from livekit.plugins import deepgram, elevenlabs
from livekit.plugins import openai as livekit_openai

MINIMUM = 1.0


async def streamed(tts) -> float:
    """Seconds of audio for text that comes word by word."""
    stream = tts.stream()

    async def write() -> None:
        for word in TEXT.split():
            stream.push_text(f"{word} ")
            await asyncio.sleep(0.02)
        stream.end_input()

    writing = asyncio.create_task(write())
    seconds = 0.0
    async for audio in stream:
        seconds += audio.frame.duration
    await writing
    await stream.aclose()
    return seconds


async def whole(tts) -> float:
    seconds = 0.0
    async with tts.synthesize(TEXT) as stream:
        async for audio in stream:
            seconds += audio.frame.duration
    return seconds


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        client = openai.AsyncClient(base_url=f"{HTTP}/v1", api_key=KEY, max_retries=0)
        seconds = await whole(livekit_openai.TTS(client=client, model="tts-1", voice="alloy"))
        check("OpenAI", seconds > MINIMUM, seconds)
        tts = elevenlabs.TTS(base_url=f"{HTTP}/v1", api_key=KEY, http_session=session, encoding="pcm_24000")
        for turn in (1, 2):
            seconds = await streamed(tts)
            check(f"ElevenLabs, multi-stream-input, turn {turn}", seconds > MINIMUM, seconds)
        seconds = await whole(tts)
        check("ElevenLabs, HTTP", seconds > MINIMUM, seconds)
        check("ElevenLabs, voices", len(await tts.list_voices()) > 0)
        await tts.aclose()
        for name, tts in (
            ("Deepgram", deepgram.TTS(base_url=f"{HTTP}/v1/speak", api_key=KEY, http_session=session)),
            ("Deepgram, version 2", deepgram.TTSv2(base_url=f"{HTTP}/v2/speak", api_key=KEY, http_session=session)),
        ):
            for turn in (1, 2):
                seconds = await streamed(tts)
                check(f"{name}, WebSocket, turn {turn}", seconds > MINIMUM, seconds)
            seconds = await whole(tts)
            check(f"{name}, HTTP", seconds > MINIMUM, seconds)
            await tts.aclose()


asyncio.run(main())
done()
