"""The Wyoming library of Home Assistant."""
import asyncio
import os

from checks import TEXT, check, done
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

PORT = int(os.environ["CLIENTS_WYOMING"])


async def listen(client: AsyncTcpClient, until: type) -> tuple[int, list[str]]:
    audio, types = 0, []
    while True:
        event = await client.read_event()
        assert event is not None, types
        types.append(event.type)
        if AudioChunk.is_type(event.type):
            audio += len(AudioChunk.from_event(event).audio)
        if until.is_type(event.type):
            return audio, types


async def main() -> None:
    async with AsyncTcpClient("localhost", PORT) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        info = Info.from_event(event)
        check("describe", len(info.tts[0].voices) > 0 and info.tts[0].supports_synthesize_streaming, info)
        await client.write_event(Synthesize(text=TEXT).event())
        audio, types = await listen(client, AudioStop)
        check("synthesize", audio > 24000 and AudioStart.is_type(types[0]), types)
        await client.write_event(SynthesizeStart().event())
        for word in TEXT.split():
            await client.write_event(SynthesizeChunk(text=f"{word} ").event())
        await client.write_event(SynthesizeStop().event())
        audio, types = await listen(client, SynthesizeStopped)
        check("synthesize in pieces", audio > 24000, types)


asyncio.run(main())
done()
