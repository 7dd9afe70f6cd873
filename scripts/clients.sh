#!/usr/bin/env bash
# Points the Python clients of other services, unmodified, at a running server and says what passed.
# Usage: scripts/clients.sh [--agents]
# --agents adds the services of LiveKit and Pipecat, which are a gigabyte. PYTHON names the interpreter.
# Where packages cannot be installed it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
server=''
stop() {
  if [ -n "$server" ]; then kill $server 2>/dev/null || true; fi
  rm -rf "$work"
}
trap stop EXIT

clients=(openai elevenlabs deepgram wyoming)
packages=(openai elevenlabs deepgram-sdk wyoming soundfile)
if [ "${1:-}" = --agents ]; then
  clients+=(livekit pipecat)
  packages+=(livekit-agents livekit-plugins-openai livekit-plugins-elevenlabs livekit-plugins-deepgram 'pipecat-ai[openai]')
fi
venv=${CLIENTS_VENV:-$work/venv}
if [ ! -d "$venv" ]; then
  if ! { "${PYTHON:-python3}" -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "${packages[@]}"; } >"$work/pip.log" 2>&1; then
    echo 'The Python clients were not tried: their packages could not be installed.'
    tail -n 3 "$work/pip.log"
    exit 0
  fi
fi

export SPARSEWAVE_API_KEYS=sk-clients SPARSEWAVE_VOICE=${SPARSEWAVE_VOICE:-tiny} SPARSEWAVE_WORKERS=1 HOST=127.0.0.1 PORT=0
export SPARSEWAVE_LOG_LEVEL=error
node scripts/build.mjs --if-stale ts native wasm
SPARSEWAVE_SKIP_BUILD=1 SPARSEWAVE_WYOMING_PORT=0 node bin/sparsewave.mjs serve >"$work/http.log" 2>&1 &
server=$!
SPARSEWAVE_SKIP_BUILD=1 node bin/sparsewave.mjs serve --tls-self-signed --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" >"$work/tls.log" 2>&1 &
server="$server $!"
# What a log says behind a word, once it is there.
said() {
  for _ in $(seq 600); do
    if grep -oqE "$2" "$1"; then
      grep -oE "$2" "$1" | tail -n 1 | grep -oE '[0-9]+$'
      return
    fi
    sleep 0.1
  done
  cat "$1" >&2
  return 1
}
http=$(said "$work/http.log" 'http://localhost:[0-9]+')
tls=$(said "$work/tls.log" 'https://localhost:[0-9]+')
wyoming=$(said "$work/http.log" 'Wyoming on port [0-9]+')

status=0
for client in "${clients[@]}"; do
  package=$client
  [ "$client" = deepgram ] && package=deepgram-sdk
  [ "$client" = livekit ] && package=livekit-agents
  [ "$client" = pipecat ] && package=pipecat-ai
  version=$("$venv/bin/pip" show "$package" 2>/dev/null | sed -n 's/^Version: //p')
  echo "$client ${version:-}"
  CLIENTS_HTTP=http://localhost:$http CLIENTS_TLS=https://localhost:$tls CLIENTS_WYOMING=$wyoming CLIENTS_KEY=sk-clients \
    SSL_CERT_FILE=$([ "$client" = elevenlabs ] && echo "$work/cert.pem" || echo "${SSL_CERT_FILE:-}") \
    "$venv/bin/python" -W ignore "test/clients/speak_$client.py" || status=1
done
exit $status
