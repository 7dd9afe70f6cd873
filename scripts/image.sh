#!/usr/bin/env bash
# Builds the image of the Dockerfile for real, without a daemon: Debian's buildah over a Debian from debootstrap, with
# Debian's Node. Then runs it, asks it for speech, and prints its size. Needs root, and: apt-get install buildah debootstrap
#
#   scripts/image.sh [FOLDER]
#
# FOLDER, 3 GB, keeps the base for the next time. Without one everything is removed. TRAINING=1 puts the trainer in, SUITE and
# MIRROR choose the Debian. Ends with 3 where packages cannot be fetched.
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
training=${TRAINING:-0}
export BUILDAH_ISOLATION=chroot
store=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
buildah() { command buildah "${store[@]}" "$@"; }
offline() { echo "Not built: $1 cannot be reached." >&2; exit 3; }
say() { echo "[$(date +%T)] $*" >&2; }

if [ ! -e "$work/base.done" ]; then
  curl -sfL -o /dev/null "${MIRROR:-http://deb.debian.org/debian}/dists/$suite/Release" || offline 'the mirror of Debian'
  say "Debian $suite with its Node"
  rm -rf "$work/base"
  debootstrap --variant=minbase --include=ca-certificates,nodejs "$suite" "$work/base" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log"
  rm -rf "$work"/base/var/cache/apt/archives/*.deb "$work"/base/var/lib/apt/lists/*
  base=$(buildah from scratch)
  buildah add -q "$base" "$work/base" / >/dev/null
  buildah commit -q --rm "$base" localhost/base >/dev/null
  say 'the same with npm, and with the certificates that this machine trusts'
  base=$(buildah from localhost/base)
  buildah copy -q "$base" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$base"
  # Debian's npm 9 does not link a package to itself, which the trainer's build needs.
  buildah run "$base" -- sh -c \
    'apt-get update && apt-get install -y --no-install-recommends npm && npm install -g npm@10' >"$work/npm.log" 2>&1
  buildah commit -q --rm "$base" localhost/build-base >/dev/null
  touch "$work/base.done"
fi

registry=$(npm config get registry)
curl -sf -o /dev/null "${registry%/}/npm" || offline 'the npm registry'
say 'the image'
buildah build -q --format docker --pull-never --build-arg BASE=localhost/base --build-arg BUILD_BASE=localhost/build-base \
  --build-arg TRAINING="$training" \
  -t localhost/sparsewave . >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }

say 'runs'
port=$((20000 + RANDOM % 10000))
program='node_modules/sparsewave/bin/sparsewave.mjs'
container=$(buildah from --pull-never localhost/sparsewave)
command buildah "${store[@]}" run --env PORT=$port "$container" -- node $program serve >"$work/server.log" 2>&1 &
runner=$!
# The server itself, behind the processes that make its chroot.
innermost() {
  local process=$1 child
  while child=$(pgrep -P "$process" | head -n 1) && [ -n "$child" ]; do process=$child; done
  echo "$process"
}
ready=''
for ((i = 0; i < 240; i++)); do
  curl -sf -o /dev/null "http://127.0.0.1:$port/health/ready" && ready=1 && break
  kill -0 $runner 2>/dev/null || break
  sleep 0.5
done
server=$(innermost $runner)
failed() { echo "$1" >&2; cat "$work/server.log" >&2; kill -KILL "$server" 2>/dev/null; exit 1; }
[ -n "$ready" ] || failed 'The server is not ready.'
[ "$(stat -c %u "/proc/$server")" = 1000 ] || failed 'The server runs as the wrong user.'
curl -sf "http://127.0.0.1:$port/v1/audio/speech" -H 'Content-Type: application/json' \
  -d '{"input": "Two boats came home.", "response_format": "wav", "seed": 1}' -o "$work/speech.wav" || failed 'It does not speak.'
[ "$(head -c 4 "$work/speech.wav")" = RIFF ] || failed 'That was no WAV.'
kill -TERM "$server"
wait $runner || failed 'It did not end well.'
sed 's/^/  /' "$work/server.log" >&2
if [ "$training" = 1 ]; then buildah run "$container" -- node $program doctor >&2; fi

mounted=$(buildah mount "$container")
megabytes() { du -sm --apparent-size "$1" | cut -f1; }
echo "speech: $(stat -c %s "$work/speech.wav") bytes"
echo "image: $(megabytes "$mounted") MB, of which /app: $(megabytes "$mounted/app") MB"
buildah umount "$container" >/dev/null
buildah rm "$container" >/dev/null
