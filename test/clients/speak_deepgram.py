"""Deepgram's Python client: HTTP, and both versions of its WebSocket."""
import wave
from io import BytesIO

from checks import HTTP, KEY, TEXT, check, done, refused
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types import SpeakV1Close, SpeakV1Flush, SpeakV1Text
from deepgram.speak.v2.types import SpeakV2Speak

socket_url = HTTP.replace("http", "ws")
environment = DeepgramClientEnvironment(base=HTTP, production=socket_url, agent=socket_url, agent_rest=HTTP)
client = DeepgramClient(api_key=KEY, environment=environment)


def generate(**options) -> bytes:
    return b"".join(client.speak.v1.audio.generate(text=TEXT, model="aura-2-thalia-en", **options))


check("mp3", len(generate()) > 5000)
for encoding, rate, width in (("linear16", 24000, 2), ("linear16", 48000, 2)):
    with wave.open(BytesIO(generate(encoding=encoding, sample_rate=rate))) as file:
        check(f"{encoding} at {rate} Hz in WAV", file.getframerate() == rate and file.getnframes() > rate, file.getparams())
check("mulaw without a container", len(generate(encoding="mulaw", sample_rate=8000, container="none")) > 8000)
check("opus", generate(encoding="opus").startswith(b"OggS"))
check("flac", generate(encoding="flac").startswith(b"fLaC"))
check("version 2", len(b"".join(client.speak.v2.audio.generate(text=TEXT, model="flux-alexis-en"))) > 5000)
refused("an unknown voice", lambda: b"".join(client.speak.v1.audio.generate(text="Hi.", model="nobody")), ApiError)

with client.speak.v1.connect(model="aura-2-thalia-en", encoding="linear16", sample_rate="24000") as connection:
    connection.send_text(SpeakV1Text(text=TEXT))
    connection.send_flush(SpeakV1Flush(type="Flush"))
    audio, types = 0, []
    while "Flushed" not in types:
        message = connection.recv()
        if isinstance(message, bytes):
            audio += len(message)
        else:
            types.append(message.type)
    connection.send_close(SpeakV1Close(type="Close"))
check("WebSocket, version 1", audio > 24000 and types[0] == "Metadata", (audio, types))

with client.speak.v2.connect(model="flux-alexis-en", encoding="linear16", sample_rate="24000") as connection:
    for word in TEXT.split():
        connection.send_speak(SpeakV2Speak(text=f"{word} "))
    connection.send_flush()
    audio, types = 0, []
    while "Flushed" not in types:
        message = connection.recv()
        if isinstance(message, bytes):
            audio += len(message)
        else:
            types.append(message.type)
    connection.send_close()
check("WebSocket, version 2", audio > 24000 and types == ["Connected", "SpeechStarted", "SpeechMetadata", "Flushed"], (audio, types))
done()
