"""OpenAI's Python client, and libsndfile on what it gets."""
import io

import openai
import soundfile
from checks import HTTP, KEY, TEXT, check, done, refused

client = openai.OpenAI(base_url=f"{HTTP}/v1", api_key=KEY, max_retries=0)
for model in ("tts-1", "tts-1-hd-1106", "gpt-4o-mini-tts-2025-12-15"):
    audio = client.audio.speech.create(model=model, voice="alloy", input=TEXT).content
    check(f"{model} speaks", len(audio) > 5000, len(audio))
for name in ("wav", "flac", "opus", "mp3"):
    audio = client.audio.speech.create(model="tts-1", voice="onyx", input=TEXT, response_format=name).content
    samples, rate = soundfile.read(io.BytesIO(audio))
    check(f"libsndfile reads {name}", 1 < len(samples) / rate < 20, (len(samples), rate))
long = " ".join([TEXT] * 60)
for name in ("wav", "flac"):
    audio = client.audio.speech.create(model="tts-1", voice="onyx", input=long, response_format=name).content
    info = soundfile.info(io.BytesIO(audio))
    samples, rate = soundfile.read(io.BytesIO(audio), frames=24000 * 5)
    check(f"libsndfile opens a long {name}", len(samples) == 24000 * 5, (info.frames, len(samples)))
with client.audio.speech.with_streaming_response.create(
    model="tts-1", voice="nova", input=TEXT, response_format="pcm"
) as response:
    sizes = [len(piece) for piece in response.iter_bytes()]
check("it streams", len(sizes) > 1, sizes)
events = client.audio.speech.create(
    model="gpt-4o-mini-tts", voice="sage", input=TEXT, stream_format="sse"
).content.decode()
check("server-sent events", "speech.audio.done" in events, events[-200:])
check("models are listed", "tts-1" in [model.id for model in client.models.list().data])
refused("an unknown voice", lambda: client.audio.speech.create(model="tts-1", voice="nobody", input="Hi."), openai.BadRequestError)
refused("an unknown model", lambda: client.audio.speech.create(model="tts-9", voice="alloy", input="Hi."), openai.NotFoundError)
refused("a text that is too long", lambda: client.audio.speech.create(model="tts-1", voice="alloy", input="a" * 5000), openai.BadRequestError)
stranger = openai.OpenAI(base_url=f"{HTTP}/v1/", api_key="wrong", max_retries=0)
if KEY != "unused":
    refused("a wrong key", lambda: stranger.models.list(), openai.AuthenticationError)
done()
