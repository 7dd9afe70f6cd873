#!/bin/sh
# Asks a sparsewave server for speech with curl, which writes it while it arrives. The voice is any of /v1/audio/voices.
# Run:   sh curl.sh "Hello there." hello.wav http://localhost:8080
# Needs: sparsewave serve, curl
set -eu
text=${1:-Hello there.} file=${2:-hello.wav} server=${3:-http://localhost:8080}

curl --silent --show-error --fail-with-body --no-buffer "$server/v1/audio/speech" \
  -H 'Content-Type: application/json' \
  -d "{\"model\": \"sparsewave\", \"voice\": \"alloy\", \"input\": \"$text\", \"response_format\": \"${file##*.}\"}" \
  -o "$file"
