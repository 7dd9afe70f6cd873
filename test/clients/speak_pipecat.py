"""Pipecat's own services for OpenAI, ElevenLabs and Deepgram, in a pipeline, with text that comes word by word."""
import asyncio
import sys

from checks import HTTP, KEY, TEXT, check, done
from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.deepgram.flux.tts import DeepgramFluxTTSService
from pipecat.services.deepgram.tts import DeepgramTTSService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

logger.remove()
logger.add(sys.stderr, level="ERROR")
WS = HTTP.replace("http", "ws")


class Listener(FrameProcessor):
    """Adds up the audio and notes the end of the speech."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.errors: list[str] = []
        self.stopped = asyncio.Event()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.seconds += len(frame.audio) / 2 / frame.sample_rate
        elif isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        await self.push_frame(frame, direction)


async def spoken(service) -> Listener:
    listener = Listener()
    task = PipelineWorker(Pipeline([service, listener]), params=PipelineParams(audio_out_sample_rate=24000))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(task)
    running = asyncio.create_task(runner.run())
    await task.queue_frame(LLMFullResponseStartFrame())
    for word in TEXT.split():
        await task.queue_frame(LLMTextFrame(f"{word} "))
        await asyncio.sleep(0.02)
    await task.queue_frame(LLMFullResponseEndFrame())
    try:
        await asyncio.wait_for(listener.stopped.wait(), 60)
    except asyncio.TimeoutError:
        listener.errors.append("no end came")
    await task.queue_frame(EndFrame())
    await asyncio.wait_for(running, 60)
    return listener


async def main() -> None:
    for name, service in (
        ("OpenAI", lambda: OpenAITTSService(api_key=KEY, base_url=f"{HTTP}/v1", settings=OpenAITTSService.Settings(voice="alloy"))),
        ("ElevenLabs", lambda: ElevenLabsTTSService(api_key=KEY, url=WS, settings=ElevenLabsTTSService.Settings(voice="21m00Tcm4TlvDq8ikWAM"))),
        ("Deepgram", lambda: DeepgramTTSService(api_key=KEY, base_url=WS, settings=DeepgramTTSService.Settings(voice="aura-2-thalia-en"))),
        ("Deepgram, version 2", lambda: DeepgramFluxTTSService(api_key=KEY, url=f"{WS}/v2/speak")),
    ):
        listener = await spoken(service())
        check(name, listener.seconds > 1 and not listener.errors, (listener.seconds, listener.errors))


asyncio.run(main())
done()
