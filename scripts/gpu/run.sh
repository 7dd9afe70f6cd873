#!/usr/bin/env bash
# On a machine with a GPU: checks and times the engine `webgpu` with what pack.sh has packed, and trains a job if there is time.
#
#   bash .gpu/run.sh                                        everything but training
#   JOB=training/jobs/standard.yaml SET='training.lanes=1024 validation.every=100' bash .gpu/run.sh
#
# All by environment variables:
#   OUT         folder that comes back; at most 8 files, each at most 16 MiB (default ./gpu-out)
#   SW_LIMIT    seconds in all (default 540); every stage has its own limit too, and a failed one is said and passed over
#   SW_STAGES   default "info adapter doctor features gradients bench torch32 profile variants train"
#   JOB, SET    job file to train, and keys of it to change; needs a corpus in .gpu
#   SW_MINUTES  of training (default: what is left)
#   SEQUENCES   of the benchmark (default 16,64,256,1024,4096), MORE_SEQUENCES after it (default 16384; empty: none)
#   PROFILE     sequences of the profile by kernel (default 64,1024,2112,2320,4224), VARIANTS of Dawn's toggles (default 2112)
#   STEPS, HIDDEN, ROUNDS  of benchmark and profile (default 150, 384, 3)
#   SW_LARGE    sequences of the largest gradient check (default 4096)
#   TORCH_PYTHON  a Python with PyTorch (default python3); VK_DRIVER_FILES or VK_ICD_FILENAMES  Vulkan's driver, else looked for
#   SW_SOFTWARE=1  a software device will do; SW_WORK  folder to work in (default /tmp/sparsewave-gpu)
set -u -o pipefail
export LC_ALL=C
pack=$(cd "$(dirname "$0")" && pwd)
repo=$PWD
OUT=${OUT:-$repo/gpu-out}
LIMIT=${SW_LIMIT:-540}
STAGES=${SW_STAGES:-info adapter doctor features gradients bench torch32 profile variants train}
WORK=${SW_WORK:-/tmp/sparsewave-gpu}
STEPS=${STEPS:-150} HIDDEN=${HIDDEN:-384} ROUNDS=${ROUNDS:-3}
SEQUENCES=${SEQUENCES:-16,64,256,1024,4096} MORE_SEQUENCES=${MORE_SEQUENCES-16384}
PROFILE=${PROFILE:-64,1024,2112,2320,4224} VARIANTS=${VARIANTS:-2112}
TORCH_PYTHON=${TORCH_PYTHON:-python3}
mkdir -p "$OUT" "$WORK"
exec > >(tee -a "$OUT/log.txt") 2>&1

left() { echo $((LIMIT - SECONDS)); }
say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
wanted() { case " $STAGES " in *" $1 "*) return 0 ;; *) return 1 ;; esac }
SUMMARY=()
note() { SUMMARY+=("$1"); }
# A stage: its name, the most seconds it may take, the command. Whatever happens, what comes after goes on.
stage() {
  local name=$1 most=$2 begun=$SECONDS code=0 room
  shift 2
  room=$(($(left) - 5))
  [ "$room" -lt "$most" ] && most=$room
  if [ "$most" -lt 5 ]; then
    say "$name: left out, no time"
    note "$name: left out, no time"
    return 1
  fi
  echo
  say "$name (at most $most s)"
  timeout -k 10 "$most" "$@" || code=$?
  case $code in
    0) note "$name: good, $((SECONDS - begun)) s" ;;
    124 | 137) note "$name: ended after its $most s" ;;
    *) note "$name: failed with exit code $code after $((SECONDS - begun)) s" ;;
  esac
  [ $code -eq 0 ] || say "$name: exit code $code"
  return $code
}

# --- unpack -------------------------------------------------------------------------------------------------------------
unpack() { # DEB FOLDER
  mkdir -p "$2"
  dpkg-deb -x "$1" "$2" 2>/dev/null && return
  for python in "$TORCH_PYTHON" python3 /usr/bin/python3; do
    "$python" - "$1" "$2" <<'PY' && return
import io, lzma, sys, tarfile
data = open(sys.argv[1], 'rb').read()
at = data.rindex(b'data.tar.xz') + 60
tarfile.open(fileobj=io.BytesIO(lzma.decompress(data[at:]))).extractall(sys.argv[2])
PY
  done
  say "cannot unpack $1: neither dpkg-deb nor Python's lzma works here"
  return 1
}
app=$WORK/app
if ! cmp -s "$pack/MANIFEST" "$app/MANIFEST"; then
  rm -rf "$WORK"
  mkdir -p "$WORK"
  for part in node dawn app; do unpack "$pack/$part.deb" "$app" || exit 1; done
  for deb in "$pack"/debs/*.deb; do unpack "$deb" "$WORK/debs/$(basename "$deb" .deb | sed 's/_.*//')"; done
  [ -f "$pack/corpus.tar" ] && tar -xf "$pack/corpus.tar" -C "$WORK"
  # Doctor looks at the voices; training/jobs are read where they are.
  ln -sfn "$repo/models" "$app/models"
fi
cat "$app/MANIFEST"
sources=$(cd "$repo" && find src training bench native server/*.ts bin package.json -type f 2>/dev/null | sort | xargs -d '\n' sha256sum | sha256sum | cut -c1-20)
grep -qx "sources $sources" "$app/MANIFEST" || say 'WARNING: the sources here are not those that were packed: run pack.sh again'

# --- Node ---------------------------------------------------------------------------------------------------------------
NODE=$app/bin/node
export SPARSEWAVE_SKIP_BUILD=1 XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp} NO_COLOR=1
libraries=${LD_LIBRARY_PATH:-}
add_libraries() { libraries=$1${libraries:+:$libraries}; }
sw() { LD_LIBRARY_PATH=$libraries "$NODE" "$@"; }
loads() { sw -e 'process.dlopen({ exports: {} }, process.argv[1])' "$app/node_modules/webgpu/dist/linux-x64/dawn.node"; }
if ! loads 2>"$WORK/loads"; then
  say "with libstdc++ from the pack: $(grep -m1 -E 'rror|GLIBC' "$WORK/loads")"
  add_libraries "$app/lib"
  loads || say 'Dawn does not load here: webgpu will be missing'
fi
if ! sw --version >/dev/null; then
  say 'Node does not start here: nothing can be done'
  exit 1
fi
say "unpacked to $WORK: Node $(sw --version)"

# --- Vulkan -------------------------------------------------------------------------------------------------------------
has_library() { ldconfig -p 2>/dev/null | grep -q "$1.*x86-64"; }
lib() { echo "$WORK/debs/$1/usr/lib/x86_64-linux-gnu"; }
vulkan_environment() {
  has_library libvulkan.so.1 || add_libraries "$(lib libvulkan1)"
  local name folder
  for name in libX11.so.6:libx11-6 libXext.so.6:libxext6 libxcb.so.1:libxcb1 libXau.so.6:libxau6 libXdmcp.so.6:libxdmcp6 \
    libbsd.so.0:libbsd0 libmd.so.0:libmd0 libEGL.so.1:libegl1 libGLdispatch.so.0:libglvnd0 libGL.so.1:libgl1 libGLX.so.0:libglx0; do
    # Some Debian packages have their library in /lib still, so both places.
    has_library "${name%%:*}" || libraries=${libraries:+$libraries:}$(lib "${name##*:}"):$WORK/debs/${name##*:}/lib/x86_64-linux-gnu
  done
  if ! has_library libGLX_nvidia.so.0; then
    folder=$(find /usr/local/nvidia /usr/lib /usr/lib64 /opt -maxdepth 4 -name 'libGLX_nvidia.so.0' -printf '%h\n' 2>/dev/null | head -n 1)
    [ -n "$folder" ] && add_libraries "$folder"
  fi
}
given=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}}
# Drivers' manifests, one a line: the one that was given, else those in the usual places.
usual_manifests() {
  if [ -n "$given" ]; then
    echo "$given"
  else
    ls /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd*.json /etc/vulkan/icd.d/nvidia_icd*.json /usr/share/vulkan/icd.d/nvidia_icd*.json 2>/dev/null
  fi
}
# Anywhere else, and two that are written here, for drivers that came without.
other_manifests() {
  local name
  timeout 20 find / -xdev -name 'nvidia_icd*.json' 2>/dev/null | grep -vE '^(/usr/local/nvidia|/etc|/usr)/(share/)?vulkan/'
  for name in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    printf '{"file_format_version":"1.0.1","ICD":{"library_path":"%s","api_version":"1.4.312"}}' $name >"$WORK/$name.json"
    echo "$WORK/$name.json"
  done
}
adapter=none
try_adapter() {
  local code=0
  timeout -k 5 60 env LD_LIBRARY_PATH="$libraries" "$NODE" "$app/steps/adapter.mjs" "$app" >"$WORK/adapter" 2>&1 || code=$?
  cat "$WORK/adapter"
  case $code in 0) adapter=gpu ;; 3) [ "${SW_SOFTWARE:-}" = 1 ] && adapter=software ;; esac
  [ "$adapter" != none ]
}
# Tries the manifests that come in, until one gives an adapter.
try_manifests() {
  local manifest
  while read -r manifest; do
    say "Vulkan driver $manifest: $(tr -d ' \n' <"$manifest" 2>/dev/null)"
    [ -n "$given" ] || export VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest
    try_adapter && return
  done
  return 1
}
find_adapter() {
  try_manifests < <(usual_manifests) && return
  if [ -z "$given" ]; then
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
    say 'Vulkan as the loader finds it'
    try_adapter && return
    try_manifests < <(other_manifests) && return
  fi
  # The loaders into the system's folders, where drivers of some containers need them.
  if [ -z "$given" ] && [ "$(id -u)" = 0 ] && ! has_library libvulkan.so.1; then
    say 'with the loaders installed'
    for deb in libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2; do unpack "$pack"/debs/${deb}_*.deb /; done
    ldconfig
    try_manifests < <(usual_manifests) && return
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
    try_adapter && return
  fi
  say 'no adapter; what the loader says:'
  manifest=$(usual_manifests | head -n 1)
  [ -n "$manifest" ] && export VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest
  SW_DEBUG=1 VK_LOADER_DEBUG=error,warn,driver timeout -k 5 60 env LD_LIBRARY_PATH="$libraries" "$NODE" "$app/steps/adapter.mjs" "$app" 2>&1 |
    awk '!seen[$0]++' | head -n 60
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    path=$(ldconfig -p | awk -v l=$library '$1 == l && /x86-64/ { print $NF; exit }')
    [ -n "$path" ] && ldd "$path" 2>&1 | grep 'not found' | sed "s,^,$path: ,"
  done
  return 1
}

# --- stages -------------------------------------------------------------------------------------------------------------
# PyTorch's libraries are read from the disk meanwhile, which takes the longest of a first import.
torch=no
if wanted bench; then
  (timeout 120 "$TORCH_PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())' \
    >"$WORK/torch" 2>"$WORK/torch.error" || true) &
  torch_import=$!
fi
if wanted info; then
  say "$(uname -a)"
  sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null
  lscpu 2>/dev/null | grep -E 'Model name|^CPU\(s\)|Thread|L2|L3|NUMA node\(s\)'
  say "$(grep -c ^processor /proc/cpuinfo) processors: $(grep -m1 '^flags' /proc/cpuinfo | grep -oE 'amx_tile|amx_bf16|avx512f|avx512_bf16|avx2' | tr '\n' ' ')"
  grep -E '^(MemTotal|MemAvailable)' /proc/meminfo
  timeout 30 nvidia-smi || say 'nvidia-smi does not work'
  timeout 30 nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,pcie.link.gen.current,pcie.link.width.current \
    --format=csv 2>/dev/null
  ldconfig -p | grep -E 'libvulkan|libGLX_nvidia|libEGL_nvidia|libnvidia-glvkspirv|libX11\.' || say 'ldconfig knows no libvulkan, libGLX_nvidia, libX11'
fi
vulkan_environment
begun=$SECONDS
if find_adapter; then note "adapter: $adapter, $(tail -n 1 "$WORK/adapter"), $((SECONDS - begun)) s"; else note 'adapter: NONE'; fi
export LD_LIBRARY_PATH="$libraries" VK_DRIVER_FILES=${VK_DRIVER_FILES:-} VK_ICD_FILENAMES=${VK_ICD_FILENAMES:-}
[ -n "$VK_DRIVER_FILES" ] || unset VK_DRIVER_FILES
[ -n "$VK_ICD_FILENAMES" ] || unset VK_ICD_FILENAMES
[ -n "$LD_LIBRARY_PATH" ] || unset LD_LIBRARY_PATH

if wanted doctor; then stage doctor 60 "$NODE" "$app/bin/sparsewave.mjs" doctor; fi

job=
if [ -n "${JOB:-}" ] && { wanted features || wanted train; }; then
  if [ ! -f "$JOB" ]; then
    note "job: there is no $JOB"
  elif [ ! -d "$WORK/corpus" ]; then
    note 'job: no corpus was packed'
  elif stage job 20 "$NODE" "$app/steps/job.mjs" "$app" "$JOB" "$WORK/job.yaml" "$WORK/corpus" "$WORK" "${SET:-}"; then
    stage features 90 "$NODE" "$app/steps/features.mjs" "$app" "$WORK/job.yaml" && job=$WORK/job.yaml
    [ -n "$job" ] || note 'train: left out, without all features'
  fi
fi

if wanted gradients && [ "$adapter" != none ]; then
  SW_SECONDS=60 stage gradients 120 "$NODE" "$app/steps/gradients.mjs" "$app" "$OUT/gradients.json"
fi

bench() { # SECONDS SEQUENCES OUTPUT
  local engines=native
  [ "$adapter" != none ] && engines=$engines,webgpu
  [ "$torch" = yes ] && engines=$engines,torch
  TORCH_PYTHON=$TORCH_PYTHON stage "bench $2" "$1" "$NODE" "$app/bench/dist/engines.js" --engines "$engines" --sequences "$2" \
    --steps "$STEPS" --hidden "$HIDDEN" --rounds "$ROUNDS" --counts -o "$3"
}
if wanted bench; then
  wait "$torch_import" 2>/dev/null
  if [ -s "$WORK/torch" ]; then
    torch=yes
    say "PyTorch $(cat "$WORK/torch")"
  else
    say "no PyTorch: $(tail -n 1 "$WORK/torch.error" 2>/dev/null)"
    note 'PyTorch: none'
  fi
  if bench ${SW_BENCH:-180} "$SEQUENCES" "$WORK/bench-1" && [ -n "$MORE_SEQUENCES" ]; then bench 120 "$MORE_SEQUENCES" "$WORK/bench-2"; fi
  "$NODE" "$app/steps/merge.mjs" "$app" "$OUT/gpu" "$OUT/log.txt" "$WORK/bench-1.json" "$WORK/bench-2.json" || note 'bench: no figures'
fi

if wanted torch32 && [ "$torch" = yes ]; then
  # cuDNN's GRU multiplies in tf32 by default.
  NVIDIA_TF32_OVERRIDE=0 TORCH_PYTHON=$TORCH_PYTHON stage 'PyTorch without tf32' 60 bash -o pipefail -c '"$@" | sed "s/^torch /torch32 /"' _ \
    "$NODE" "$app/bench/dist/engines.js" --engines torch --sequences "$SEQUENCES" --steps "$STEPS" --hidden "$HIDDEN" --rounds "$ROUNDS"
fi

if wanted profile && [ "$adapter" != none ]; then
  SW_SECONDS=45 SW_STEPS=$STEPS SW_HIDDEN=$HIDDEN stage profile 75 \
    "$NODE" "$app/steps/profile.mjs" "$app" "$WORK/profile-1.json" "$PROFILE"
fi
if wanted variants && [ "$adapter" != none ]; then
  number=2
  for flags in '' enable-dawn-features=skip_validation enable-dawn-features=disable_robustness \
    enable-dawn-features=disable_robustness,skip_validation; do
    SW_DAWN_FLAGS=$flags SW_TIMESTAMPS=0 SW_SECONDS=10 SW_STEPS=$STEPS SW_HIDDEN=$HIDDEN stage "variant ${flags:-as it is}" 25 \
      "$NODE" "$app/steps/profile.mjs" "$app" "$WORK/profile-$number.json" "$VARIANTS"
    number=$((number + 1))
  done
fi
if ls "$WORK"/profile-*.json >/dev/null 2>&1; then
  "$NODE" "$app/steps/merge.mjs" --list "$OUT/profile.json" "$WORK"/profile-*.json
fi

if wanted train && [ -n "$job" ]; then
  resume=
  rm -rf "$WORK/run"
  if [ -f "$pack/resume.safetensors.gz" ]; then
    mkdir -p "$WORK/run"
    gunzip -c "$pack/resume.safetensors.gz" >"$WORK/run/checkpoint.safetensors" && resume=--resume
  fi
  # Start, the last checkpoint and packing it take some seconds too.
  room=$(($(left) - 40))
  minutes=$(awk -v s=$room -v m="${SW_MINUTES:-1e9}" 'BEGIN { r = s / 60; printf "%.2f", (m < r ? m : r) }')
  if [ "$adapter" = none ]; then
    note 'train: left out, no GPU'
  elif [ $room -lt 20 ]; then
    note 'train: left out, no time'
  else
    # The progress bar is for people; the log says it all.
    stage "train for $minutes minutes" $((room + 25)) bash -o pipefail -c '"$@" 2>&1 | tr "\r" "\n" | grep -vE "^ *$" | tail -n 20' _ \
      "$NODE" "$app/bin/sparsewave.mjs" train "$job" $resume --engine webgpu --minutes "$minutes"
    cp "$WORK/run/log.jsonl" "$OUT/train.jsonl" 2>/dev/null && tail -n 3 "$OUT/train.jsonl"
    if [ -f "$WORK/run/checkpoint.safetensors" ]; then
      gzip -c "$WORK/run/checkpoint.safetensors" >"$WORK/checkpoint.gz"
      if [ "$(stat -c %s "$WORK/checkpoint.gz")" -le 16000000 ]; then
        cp "$WORK/checkpoint.gz" "$OUT/checkpoint.safetensors.gz"
      else
        split -b 16000000 -d -a 1 "$WORK/checkpoint.gz" "$OUT/checkpoint.safetensors.gz."
      fi
      note "checkpoint: $(stat -c %s "$WORK/checkpoint.gz") bytes compressed"
    else
      note 'train: left no checkpoint'
    fi
  fi
fi

echo
say 'all stages:'
printf '  %s\n' "${SUMMARY[@]}"
grep -E '^(native|webgpu|torch|torch32) +[0-9]+ ' "$OUT/log.txt" | sort -u -k1,1 -k2,2n
(cd "$OUT" && ls -l)
sleep 0.3
[ "$adapter" != none ]
