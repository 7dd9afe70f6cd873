"""
Time to the first audio of voice agents: text arrives token by token, as a language model writes it, and goes through
the services of LiveKit and Pipecat for ElevenLabs and Deepgram, unmodified, pointed at a running server.

    python bench/agents.py --url http://localhost:8080 --key KEY --turns 20 --tokens-per-second 50

Two times are taken for each turn, from the first token and from the token that completes the first clause, which is the
earliest that any service could begin to speak without guessing. Prints a table in Markdown.
"""
import argparse
import asyncio
import statistics
import sys
import time

CLAUSES = [
    ("Sure, ", "I can help you with that, and it will only take a minute of your time."),
    ("The next train leaves at ten past four, ", "from the second platform, and it stops twice on the way."),
    ("I have found three of them. ", "The first one is the cheapest, but the second one is closer to you."),
    ("That depends on the weather, ", "because the ferry does not run when the wind is too strong."),
    ("Your order is on its way. ", "It should be with you tomorrow before noon."),
]


def tokens(text: str) -> list[str]:
    """Pieces of about four letters, as language models write them."""
    pieces = []
    for word in text.split(" "):
        if word == "":
            continue
        word += " "
        pieces += [word[i : i + 4] for i in range(0, len(word), 4)]
    return pieces


class Clock:
    """When the first token, the end of the first clause and the first audio of a turn were there."""

    def __init__(self) -> None:
        self.first_token = self.clause = self.first_audio = None

    def audio(self) -> None:
        if self.first_audio is None:
            self.first_audio = time.perf_counter()

    def times(self) -> tuple[float, float] | None:
        """Milliseconds from the first token and from the clause."""
        if self.first_audio is None:
            return None
        return 1000 * (self.first_audio - self.first_token), 1000 * (self.first_audio - self.clause)


async def write(turn: int, rate: float, clock: Clock, push) -> None:
    """Pushes the tokens of a turn at so many a second."""
    clause, rest = CLAUSES[turn % len(CLAUSES)]
    clock.first_token = time.perf_counter()
    for token in tokens(clause):
        await push(token)
        clock.clause = time.perf_counter()
        await asyncio.sleep(1 / rate)
    for token in tokens(rest):
        await push(token)
        await asyncio.sleep(1 / rate)


async def livekit_turns(tts, turns: int, rate: float) -> list[tuple[float, float]]:
    found = []
    for turn in range(turns):
        stream = tts.stream()
        clock = Clock()

        async def push(token: str) -> None:
            stream.push_text(token)

        async def speak() -> None:
            await write(turn, rate, clock, push)
            stream.end_input()

        writing = asyncio.create_task(speak())
        async for _ in stream:
            clock.audio()
        await writing
        await stream.aclose()
        found.append(clock.times())
    return [times for times in found if times]


async def pipecat_turns(service, turns: int, rate: float) -> list[tuple[float, float]]:
    from pipecat.frames.frames import (
        EndFrame,
        LLMFullResponseEndFrame,
        LLMFullResponseStartFrame,
        LLMTextFrame,
        TTSAudioRawFrame,
        TTSStoppedFrame,
    )
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.workers.runner import WorkerRunner

    class Listener(FrameProcessor):
        clock = Clock()
        stopped = asyncio.Event()

        async def process_frame(self, frame, direction):
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                self.clock.audio()
            elif isinstance(frame, TTSStoppedFrame):
                self.stopped.set()
            await self.push_frame(frame, direction)

    listener = Listener()
    worker = PipelineWorker(Pipeline([service, listener]), params=PipelineParams(audio_out_sample_rate=24000))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    found = []
    for turn in range(turns):
        listener.clock, listener.stopped = Clock(), asyncio.Event()
        await worker.queue_frame(LLMFullResponseStartFrame())
        await write(turn, rate, listener.clock, lambda token: worker.queue_frame(LLMTextFrame(token)))
        await worker.queue_frame(LLMFullResponseEndFrame())
        await asyncio.wait_for(listener.stopped.wait(), 60)
        found.append(listener.clock.times())
    await worker.queue_frame(EndFrame())
    await running
    return [times for times in found if times]


def row(name: str, found: list[tuple[float, float]]) -> None:
    # The first turn opens the connection.
    first, later = found[0], found[1:] or found
    token, clause = zip(*later)
    worst = sorted(clause)[min(len(clause) - 1, int(0.95 * len(clause)))]
    print(
        f"| {name} | {statistics.median(token):.0f} | {statistics.median(clause):.0f} | {worst:.0f} | {first[1]:.0f} |",
        flush=True,
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--key", default="unused")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--tokens-per-second", type=float, default=50)
    options = parser.parse_args()
    http, ws = options.url, options.url.replace("http", "ws", 1)
    print(f"{options.turns} turns, {options.tokens_per_second:g} tokens a second; milliseconds\n")
    print("| service | first token to audio, p50 | first clause to audio, p50 | p95 | first turn |")
    print("| --- | --- | --- | --- | --- |")

    import aiohttp
    from livekit.agents import tokenize
    from livekit.plugins import deepgram, elevenlabs

    async with aiohttp.ClientSession() as session:
        common = {"api_key": options.key, "http_session": session}
        for name, tts in (
            ("LiveKit, Deepgram", deepgram.TTS(base_url=f"{http}/v1/speak", **common)),
            ("LiveKit, Deepgram v2", deepgram.TTSv2(base_url=f"{http}/v2/speak", **common)),
            ("LiveKit, ElevenLabs, by sentence", elevenlabs.TTS(base_url=f"{http}/v1", encoding="pcm_24000", **common)),
            (
                "LiveKit, ElevenLabs, by word",
                elevenlabs.TTS(
                    base_url=f"{http}/v1",
                    encoding="pcm_24000",
                    auto_mode=False,
                    word_tokenizer=tokenize.basic.WordTokenizer(ignore_punctuation=False),
                    **common,
                ),
            ),
        ):
            row(name, await livekit_turns(tts, options.turns, options.tokens_per_second))
            await tts.aclose()

    from loguru import logger
    from pipecat.services.deepgram.flux.tts import DeepgramFluxTTSService
    from pipecat.services.deepgram.tts import DeepgramTTSService
    from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
    from pipecat.services.tts_service import TextAggregationMode

    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    voice = ElevenLabsTTSService.Settings(voice="21m00Tcm4TlvDq8ikWAM")
    for name, service in (
        ("Pipecat, Deepgram, by sentence", lambda: DeepgramTTSService(api_key=options.key, base_url=ws)),
        (
            "Pipecat, Deepgram, by token",
            lambda: DeepgramTTSService(
                api_key=options.key, base_url=ws, text_aggregation_mode=TextAggregationMode.TOKEN
            ),
        ),
        ("Pipecat, Deepgram v2", lambda: DeepgramFluxTTSService(api_key=options.key, url=f"{ws}/v2/speak")),
        ("Pipecat, ElevenLabs, by sentence", lambda: ElevenLabsTTSService(api_key=options.key, url=ws, settings=voice)),
        (
            "Pipecat, ElevenLabs, by token",
            lambda: ElevenLabsTTSService(
                api_key=options.key, url=ws, settings=voice, text_aggregation_mode=TextAggregationMode.TOKEN
            ),
        ),
    ):
        row(name, await pipecat_turns(service(), options.turns, options.tokens_per_second))


asyncio.run(main())
