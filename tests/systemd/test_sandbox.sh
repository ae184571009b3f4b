#!/bin/bash
# SPDX-License-Identifier: MIT
# Two programs in two sandboxes: who can talk to workers cannot reach the secret or the network.
. "$(dirname "$0")/lib.sh"

set_up
ok "exposure of bearerd" 0 \
  "$(systemd-analyze security --threshold=6 bearerd.service >/dev/null 2>&1; echo $?)"
ok "exposure of bearerd-fetch" 0 \
  "$(systemd-analyze security --threshold=13 bearerd-fetch@x.service >/dev/null 2>&1; echo $?)"

ask /v1/token >/dev/null
pid=$(show bearerd MainPID)
ok "bearerd's user" bearerd "$(stat -c %U "/proc/$pid")"
ok "bearerd has no network of ours" other \
  "$([ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] && echo ours || echo other)"
ok "bearerd's user cannot read the credentials" "*Permission denied*" \
  "$(setpriv --reuid bearerd --regid bearerd --clear-groups cat /etc/credstore/athena.client_secret 2>&1)"
ok "no core dumps" "0 0" "$(sed -n 's/^Max core file size *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p' "/proc/$pid/limits")"
finish
