"""ElevenLabs' Python client. Its WebSocket needs TLS, and SSL_CERT_FILE names the server's certificate."""
from checks import KEY, TEXT, TLS, check, done, refused
from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError

client = ElevenLabs(base_url=TLS, api_key=KEY)
RACHEL = "21m00Tcm4TlvDq8ikWAM"

voices = client.voices.get_all().voices
check("voices", len(voices) > 0)
check("voices, version 2", client.voices.search().total_count == len(voices))
check("a voice", client.voices.get(voices[0].voice_id).name == voices[0].name)
check("models", client.models.list()[0].can_do_text_to_speech is True)

audio = b"".join(client.text_to_speech.convert(RACHEL, text=TEXT, model_id="eleven_multilingual_v2"))
check("convert", len(audio) > 5000, len(audio))
slow, fast = (
    b"".join(
        client.text_to_speech.stream(
            RACHEL, text=TEXT, output_format="pcm_16000", seed=7, voice_settings=VoiceSettings(speed=speed)
        )
    )
    for speed in (0.8, 1.2)
)
check("stream, with a speed", len(slow) > len(fast), (len(slow), len(fast)))
timed = client.text_to_speech.convert_with_timestamps(RACHEL, text=TEXT)
check("convert with timestamps", "".join(timed.alignment.characters) == TEXT, timed.alignment.characters)
characters = [
    character
    for piece in client.text_to_speech.stream_with_timestamps(RACHEL, text=TEXT)
    for character in (piece.alignment.characters if piece.alignment else [])
]
check("stream with timestamps", "".join(characters) == TEXT, characters)


def words():
    for word in TEXT.split():
        yield f"{word} "


audio = b"".join(
    client.text_to_speech.convert_realtime(
        RACHEL, text=words(), model_id="eleven_flash_v2_5", output_format="pcm_24000", voice_settings=VoiceSettings(speed=1)
    )
)
check("convert realtime, over wss", len(audio) > 24000, len(audio))
refused("an unknown voice", lambda: list(client.text_to_speech.convert("nobody", text="Hi.")), ApiError)
done()
