#!/usr/bin/env bash
# Packs what a machine with a GPU needs to check and time the engine `webgpu`, into the folder .gpu of this checkout: Node, the
# compiled project and its native addons, Dawn, a loader for Vulkan, a part of the corpus, and run.sh. README.md says how to use it.
#
#   bash scripts/gpu/pack.sh [--corpus FOLDER] [--total MIB] [--resume CHECKPOINT] [--no-corpus]
#
# Run in the root of a built checkout (npm ci; npm run build) on x86-64 Linux with Debian's packages; root is not needed.
# --total: MiB that the working tree may take with .gpu in it (default 60).
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
corpus=../shared/corpus
total=60
resume=
while [ $# -gt 0 ]; do
  case $1 in
    --corpus) corpus=$2; shift 2 ;;
    --no-corpus) corpus=; shift ;;
    --total) total=$2; shift 2 ;;
    --resume) resume=$2; shift 2 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
say() { echo "pack: $*" >&2; }
fail() { say "$*"; exit 1; }
mib() { awk -v b="$1" 'BEGIN { printf "%.1f MiB", b / 1048576 }'; }
bytes_of() { du -sb --apparent-size "$@" | awk '{ s += $1 } END { print s + 0 }'; }

[ "$(uname -sm)" = 'Linux x86_64' ] || fail 'this must run on x86-64 Linux'
[ -f package.json ] && grep -q '"name": "sparsewave"' package.json || fail 'run this in the root of a checkout of sparsewave'
for tool in node git ar strip xz tar dpkg-deb apt-get sha256sum; do
  command -v $tool >/dev/null || fail "there is no $tool here (Debian: binutils, xz-utils, dpkg, apt)"
done
[ -d node_modules/webgpu ] || fail 'node_modules/webgpu is not there: run npm ci, with optional packages'
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || fail "Node 20 or newer is needed, this is $(node --version)"
node scripts/build.mjs --if-stale
trainer=$(find training/build/native -name train.node 2>/dev/null | head -n 1)
[ -n "$trainer" ] || fail 'the native addon was not built: a C++ compiler is needed'

exclude=$(git rev-parse --git-path info/exclude)
mkdir -p "$(dirname "$exclude")"
grep -qxF '/.gpu/' "$exclude" 2>/dev/null || echo '/.gpu/' >>"$exclude"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
out=$PWD/.gpu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sparsewave-gpu
mkdir -p "$cache"
rm -rf "$out"
mkdir -p "$out/debs"

# A .deb without a package's files of its own: dpkg-deb unpacks xz wherever there is dpkg, Python elsewhere (run.sh).
make_deb() { # TARGET FOLDER
  local made=$tmp/deb
  rm -rf "$made"
  mkdir -p "$made/control"
  printf 'Package: sparsewave-gpu\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\nDescription: parts\n' >"$made/control/control"
  printf '2.0\n' >"$made/debian-binary"
  local plain=(--sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --format=gnu)
  tar "${plain[@]}" -C "$made/control" -cf - ./control | xz >"$made/control.tar.xz"
  tar "${plain[@]}" -C "$2" -cf - . | nice xz -T1 --x86 --lzma2=preset=9e >"$made/data.tar.xz"
  (cd "$made" && ar rcD out.deb debian-binary control.tar.xz data.tar.xz)
  mv "$made/out.deb" "$1"
}
# Large binaries take minutes to compress: once for each that there is.
cached_deb() { # TARGET FOLDER FILES-THAT-NAME-IT
  local key
  key=$(basename "$1" .deb)-$(cat "${@:3}" | sha256sum | cut -c1-20)
  if [ ! -f "$cache/$key.deb" ]; then
    say "compressing $(basename "$3"), once; this takes a few minutes"
    make_deb "$cache/$key.part" "$2"
    mv "$cache/$key.part" "$cache/$key.deb"
  fi
  cp "$cache/$key.deb" "$1"
}

node_binary=$(node -p 'require("fs").realpathSync(process.execPath)')
mkdir -p "$tmp/node/bin" "$tmp/node/lib"
cp "$node_binary" "$tmp/node/bin/node"
strip -s "$tmp/node/bin/node"
"$tmp/node/bin/node" --version >/dev/null || fail "$node_binary does not survive strip"
# Only used where the machine's own are older or absent.
for library in libstdc++.so.6 libgcc_s.so.1; do
  path=$(ldconfig -p | awk -v l=$library '$1 == l && /x86-64/ { print $NF; exit }')
  [ -n "$path" ] && cp -L "$path" "$tmp/node/lib/$library"
done
cached_deb "$out/node.deb" "$tmp/node" "$tmp/node/bin/node"

dawn=dist/linux-x64/dawn.node
mkdir -p "$tmp/dawn/node_modules/webgpu/dist/linux-x64"
cp node_modules/webgpu/package.json node_modules/webgpu/LICENSE.md "$tmp/dawn/node_modules/webgpu/"
cp node_modules/webgpu/$dawn "$tmp/dawn/node_modules/webgpu/$dawn"
strip -s "$tmp/dawn/node_modules/webgpu/$dawn"
# SW_DAWN_FLAGS reaches Dawn, in the packed copy only: the engine gives it no toggles.
sed 's/^const { create, globals } = require(dawnNodePath);$/const { create: createDawn, globals } = require(dawnNodePath);\nconst create = (flags) => createDawn([...flags, ...(process.env.SW_DAWN_FLAGS ?? "").split(" ").filter(Boolean)]);/' \
  node_modules/webgpu/index.js >"$tmp/dawn/node_modules/webgpu/index.js"
grep -q createDawn "$tmp/dawn/node_modules/webgpu/index.js" || say 'the package webgpu has changed: SW_DAWN_FLAGS will do nothing'
cached_deb "$out/dawn.deb" "$tmp/dawn" "$tmp/dawn/node_modules/webgpu/$dawn" "$tmp/dawn/node_modules/webgpu/index.js"

# Which modules are loaded is seen, not listed: by doctor, training and the benchmark, on a job of a few seconds.
app=$tmp/app
mkdir -p "$app/training" "$app/bench" "$app/bin" "$app/node_modules"
cp -r dist "$app/dist"
for part in training bench; do
  cp -r $part/dist "$app/$part/dist"
  cp $part/package.json "$app/$part/"
done
# The packages of the house are links, as npm makes them.
ln -s .. "$app/node_modules/sparsewave"
ln -s ../training "$app/node_modules/sparsewave-training"
find "$app/dist" "$app/training/dist" "$app/bench/dist" \( -name '*.map' -o -name '*.d.ts' \) -delete
for addon in build/native/*/*.node training/build/native/*/*.node; do
  install -D "$addon" "$app/$addon"
  strip -s "$app/$addon"
done
mkdir -p "$app/build/wasm"
cp build/wasm/*.wasm "$app/build/wasm/"
cp package.json "$app/"
cp bin/sparsewave.mjs "$app/bin/"
cp bench/torch-gru.py "$app/bench/"
cp -r "$here/steps" "$app/steps"
log=$tmp/loaded
trace() {
  TRACE_LOG=$log SPARSEWAVE_SKIP_BUILD=1 NODE_OPTIONS="--import file://$here/steps/trace.mjs" XDG_RUNTIME_DIR=/tmp timeout 300 \
    "$@" >"$tmp/trace.log" 2>&1 || { tail -5 "$tmp/trace.log" >&2; say "failed: $*"; }
}
trace node bin/sparsewave.mjs doctor
trace node bench/dist/engines.js --engines native --sequences 16 --steps 30 --rounds 1 --threads 1
if [ -n "$corpus" ]; then
  [ -f "$corpus/corpus.jsonl" ] || fail "there is no corpus in $corpus"
  node "$here/steps/subset.mjs" "$corpus" "$tmp/few" 2000000 >/dev/null
  head -n 4 "$tmp/few/corpus.jsonl" >"$tmp/some"
  tail -n 4 "$tmp/few/corpus.jsonl" >>"$tmp/some"
  mv "$tmp/some" "$tmp/few/corpus.jsonl"
  cat >"$tmp/job.yaml" <<JOB
{ task: sparse-wavernn, corpus: $tmp/few, run: $tmp/run, cache: $tmp/cache, engine: native, threads: 1,
  net: { hidden: 16, headHidden: 16, conditioning: 16 }, training: { updates: 4, lanes: 16, steps: 30 } }
JOB
  trace node bin/sparsewave.mjs train "$tmp/job.yaml"
  trace node bin/sparsewave.mjs train "$tmp/job.yaml" --resume
  [ -f "$tmp/run/checkpoint.safetensors" ] || fail "training a small job failed: $(tail -2 "$tmp/trace.log")"
fi
sort -u "$log" | sed "s,^$PWD/,,;/^node_modules\//!d" >"$log.files"
sed -E 's,^(node_modules/(@[^/]+/)?[^/]+).*,\1,' "$log.files" | sort -u >"$log.packages"
while read -r package; do
  case $package in
    node_modules/webgpu) ;;
    node_modules/onnxruntime-node)
      # Training the vocoder opens no ONNX model; the library is 45 MB.
      mkdir -p "$app/$package"
      echo '{ "name": "onnxruntime-node", "type": "module", "main": "index.js" }' >"$app/$package/package.json"
      echo "export * from 'onnxruntime-common'" >"$app/$package/index.js"
      ;;
    *)
      # Small packages whole, of large ones what was loaded.
      if [ "$(bytes_of "$package")" -lt 1000000 ]; then
        mkdir -p "$app/$(dirname "$package")"
        cp -rL "$package" "$app/$package"
      else
        grep "^$package/" "$log.files" | while read -r file; do install -D -m 644 "$file" "$app/$file"; done
        (cd "$package" && find . -name package.json -not -path '*/node_modules/*') |
          while read -r file; do install -D -m 644 "$package/$file" "$app/$package/$file"; done
      fi
      ;;
  esac
done <"$log.packages"
[ -d node_modules/onnxruntime-common ] && [ ! -d "$app/node_modules/onnxruntime-common" ] &&
  cp -rL node_modules/onnxruntime-common "$app/node_modules/onnxruntime-common"
find "$app/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -iname '*.md' \) -not -iname 'license*' -delete
sources() { find src training bench native server/*.ts bin package.json -type f 2>/dev/null | sort | xargs -d '\n' sha256sum | sha256sum | cut -c1-20; }
{
  echo "commit $(git rev-parse HEAD 2>/dev/null || echo none)"
  echo "changed $(git status --porcelain --untracked-files=no | wc -l) tracked files"
  echo "node $("$tmp/node/bin/node" --version)"
  echo "webgpu $(node -p 'require("./node_modules/webgpu/package.json").version')"
  echo "packed $(date -u +%FT%TZ)"
  echo "sources $(sources)"
} >"$out/MANIFEST"
cp "$out/MANIFEST" "$app/MANIFEST"
make_deb "$out/app.deb" "$app"

# The loader and what GLVND and the driver's window-system half may ask for.
packages='libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0'
(cd "$out/debs" && apt-get -qq download $packages 2>"$tmp/apt.log") || {
  say 'apt has no lists: fetching them'
  mkdir -p "$tmp/amd64/partial"
  lists="-oAPT::Architecture=amd64 -oAPT::Architectures=amd64 -oDir::State::Lists=$tmp/amd64"
  apt-get -qq $lists update && (cd "$out/debs" && apt-get -qq $lists download $packages) || fail "$(tail -1 "$tmp/apt.log")"
}
cp "$here/run.sh" "$out/run.sh"
cp "$here/README.md" "$out/README.md" 2>/dev/null || true
if [ -n "$resume" ]; then
  case $resume in
    *.gz) cp "$resume" "$out/resume.safetensors.gz" ;;
    *) gzip -c "$resume" >"$out/resume.safetensors.gz" ;;
  esac
fi

tree=$(git ls-files -z --cached --others --exclude-standard | xargs -0 -r stat -c %s 2>/dev/null | awk '{ s += $1 } END { print s + 0 }')
[ -d shared ] && tree=$((tree + $(bytes_of shared)))
if [ -n "$corpus" ]; then
  # tar ends with up to 10 KB of padding.
  room=$((total * 1048576 - tree - $(bytes_of "$out") - 65536))
  [ $room -gt 3000000 ] || fail "no room for a corpus: the tree takes $(mib $tree), the rest $(mib "$(bytes_of "$out")") of $total MiB"
  node "$here/steps/subset.mjs" "$corpus" "$tmp/part/corpus" $room >"$tmp/told"
  (cd "$tmp/part" && tar --sort=name --owner=0 --group=0 --format=gnu -cf "$out/corpus.tar" corpus)
fi

# What was packed works by itself: no Node, no packages, another folder.
check=$tmp/check
mkdir -p "$check"
for deb in node app dawn; do dpkg-deb -x "$out/$deb.deb" "$check"; done
ln -s "$PWD/models" "$check/models"
(cd / && env -i PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/tmp SPARSEWAVE_SKIP_BUILD=1 "$check/bin/node" "$check/bin/sparsewave.mjs" doctor) >"$tmp/doctor" 2>&1 ||
  fail "what was packed does not run: $(tail -3 "$tmp/doctor")"
grep -E '^ +!? *(native|webgpu) ' "$tmp/doctor" | tail -2 >&2

for part in "$out"/*.deb "$out"/corpus.tar "$out"/debs "$out"/resume.safetensors.gz; do
  [ -e "$part" ] && say "$(printf '%-26s %s' "$(basename "$part")" "$(mib "$(bytes_of "$part")")")"
done
[ -f "$tmp/told" ] && say "corpus: $(cat "$tmp/told")"
all=$((tree + $(bytes_of "$out")))
say "the tree $(mib "$tree") + .gpu $(mib "$(bytes_of "$out")") = $(mib $all) in all"
[ $all -lt $(((total + 4) * 1048576)) ] || fail "that is too much: give a smaller --total"
cat "$out/MANIFEST" >&2
