#!/usr/bin/env bash
# Runs a command with mpirun on two hosts that are network namespaces of this machine: each has an address, a name and a cable of its own.
# Usage: scripts/two-hosts.sh [--rate 1gbit] RANKS_A_HOST COMMAND...
# --rate limits each direction of the cable, as tc writes it. It needs root, iproute2 and Open MPI. Files are shared: it is one machine.
set -euo pipefail
rate=''
if [ "${1:-}" = --rate ]; then
  rate=$2
  shift 2
fi
ranks=$1
shift
id=$$
hosts=("spw-$id-a" "spw-$id-b")
cables=("spw${id}a" "spw${id}b")
addresses=(10.211.55.1 10.211.55.2)
work=$(mktemp -d)
stop() {
  for host in "${hosts[@]}"; do
    ip netns pids "$host" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns delete "$host" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap stop EXIT

for host in "${hosts[@]}"; do ip netns add "$host"; done
ip link add "${cables[0]}" netns "${hosts[0]}" type veth peer name "${cables[1]}" netns "${hosts[1]}"
for i in 0 1; do
  in=(ip -n "${hosts[$i]}")
  "${in[@]}" link set lo up
  "${in[@]}" address add "${addresses[$i]}/24" dev "${cables[$i]}"
  "${in[@]}" link set "${cables[$i]}" up
  if [ -n "$rate" ]; then
    ip netns exec "${hosts[$i]}" tc qdisc add dev "${cables[$i]}" root tbf rate "$rate" burst 256kb latency 50ms
  fi
  echo "${addresses[$i]} slots=$ranks" >>"$work/hostfile"
done

# What mpirun calls in ssh's place: ADDRESS COMMAND... The other host gets a name of its own, too.
cat >"$work/enter" <<END
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
shift
exec ip netns exec ${hosts[1]} unshare --uts sh -c "hostname host-b; \$*"
END
chmod +x "$work/enter"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
network=10.211.55.0/24
ip netns exec "${hosts[0]}" unshare --uts sh -c 'hostname host-a; exec "$@"' sh \
  mpirun --hostfile "$work/hostfile" --mca plm_rsh_agent "$work/enter" --mca oob_tcp_if_include "$network" \
  --mca btl_tcp_if_include "$network" --oversubscribe --bind-to none -np "$((2 * ranks))" "$@" &
wait $! && status=0 || status=$?
exit "$status"
