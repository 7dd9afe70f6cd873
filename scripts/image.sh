#!/usr/bin/env bash
# Builds the image of the Dockerfile for real, without a daemon: Debian's buildah over a Debian from debootstrap, with
# Debian's Node. Then runs it, asks it for speech, and prints its size. Needs root, and: apt-get install buildah debootstrap
#
#   scripts/image.sh [FOLDER]
#
# FOLDER keeps base and layers for the next time; without one they are removed. 4 GB. MIRROR and SUITE choose the Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in buildah debootstrap curl; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install $program" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo 'Only root can make a base and build in a chroot.' >&2; exit 2; }

if [ $# -gt 0 ]; then
  mkdir -p "$1"
  work=$(realpath "$1")
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
suite=${SUITE:-trixie}
export BUILDAH_ISOLATION=chroot
store=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
buildah() { command buildah "${store[@]}" "$@"; }
say() { echo "[$(date +%T)] $*" >&2; }

if [ ! -e "$work/base.done" ]; then
  say "Debian $suite with its Node"
  rm -rf "$work/base"
  debootstrap --variant=minbase --include=ca-certificates,nodejs "$suite" "$work/base" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log"
  rm -rf "$work"/base/var/cache/apt/archives/*.deb "$work"/base/var/lib/apt/lists/*
  base=$(buildah from scratch)
  buildah add -q "$base" "$work/base" / >/dev/null
  buildah commit -q --rm "$base" localhost/base >/dev/null
  say 'the same with npm, and with the certificates that this machine trusts'
  base=$(buildah from localhost/base)
  buildah run "$base" -- sh -c 'apt-get update && apt-get install -y --no-install-recommends npm' >"$work/npm.log" 2>&1
  buildah copy -q "$base" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$base"
  buildah commit -q --rm "$base" localhost/build-base >/dev/null
  touch "$work/base.done"
fi

say 'the image'
buildah build -q --format docker --pull-never --build-arg BASE=localhost/base --build-arg BUILD_BASE=localhost/build-base \
  -t localhost/sparsewave . >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }

say 'runs'
port=$((20000 + RANDOM % 10000))
container=$(buildah from --pull-never localhost/sparsewave)
buildah run --env PORT=$port "$container" -- node node_modules/sparsewave/bin/sparsewave.mjs serve >"$work/server.log" 2>&1 &
server=$!
for ((i = 0; i < 120; i++)); do
  curl -sf -o /dev/null "http://127.0.0.1:$port/health/ready" && break
  kill -0 $server 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.5
done
curl -sf "http://127.0.0.1:$port/v1/audio/speech" -H 'Content-Type: application/json' \
  -d '{"input": "Two boats came home.", "response_format": "wav", "seed": 1}' -o "$work/speech.wav"
user=$(ps -o uid= -C node --ppid $server 2>/dev/null | head -1 | tr -d ' ')
kill -TERM $server
wait $server || true
sed 's/^/  /' "$work/server.log" >&2

mount=$(buildah mount "$container")
megabytes() { du -sm --apparent-size "$1" | cut -f1; }
head -c 4 "$work/speech.wav" | grep -q RIFF || { echo 'That was no WAV.' >&2; exit 1; }
echo "speech: $(stat -c %s "$work/speech.wav") bytes"
echo "image: $(megabytes "$mount") MB, of which /app: $(megabytes "$mount/app") MB"
buildah umount "$container" >/dev/null
buildah rm "$container" >/dev/null
