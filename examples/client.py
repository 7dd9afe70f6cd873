# Asks a sparsewave server for speech and writes it to a file while it arrives.
# Run:   python3 client.py "Hello there." hello.mp3 http://localhost:8080
# Needs: sparsewave serve. Python's standard library is enough; the package openai works too, with base_url=".../v1".
import json
import sys
import time
import urllib.request

defaults = ["Hello there.", "hello.mp3", "http://localhost:8080"]
text, path, server = sys.argv[1:] + defaults[len(sys.argv) - 1:]

request = urllib.request.Request(
    f"{server}/v1/audio/speech",
    data=json.dumps({"model": "sparsewave", "input": text, "response_format": path.rsplit(".")[-1]}).encode(),
    headers={"Content-Type": "application/json"},
)
started = time.monotonic()
with urllib.request.urlopen(request) as response, open(path, "wb") as file:
    first = None
    while piece := response.read1(65536):
        first = first or time.monotonic() - started
        file.write(piece)
print(f"first bytes after {1000 * first:.0f} ms, all after {time.monotonic() - started:.2f} s")
