#!/bin/bash
# SPDX-License-Identifier: MIT
# Two programs in two sandboxes: who can talk to workers cannot reach the secret or the network, and
# who has the secret cannot be talked to.
. "$(dirname "$0")/lib.sh"

# exposure UNIT TENTHS: it is no more than that.
exposure() { systemd-analyze security --threshold="$2" "$1" >/dev/null 2>&1; }
py() { echo "/usr/bin/python3 -c '$1'"; }

set_up
ok "exposure of bearerd is at most 0.5" 0 "$(exposure bearerd.service 5; echo $?)"
ok "... and no less" 1 "$(exposure bearerd.service 4; echo $?)"
ok "exposure of bearerd-fetch is at most 1.3" 0 "$(exposure bearerd-fetch@x.service 13; echo $?)"
for what in "bearerd.service 5" "bearerd-fetch@.service 13"; do
  read -r unit tenths <<<"$what"
  ok "... of $unit also as its file alone says" 0 \
    "$(systemd-analyze security --offline=true --threshold="$tenths" "$(show "${unit/@/@x}" FragmentPath)" >/dev/null 2>&1; echo $?)"
done

# --- bearerd itself
ask /v1/token >/dev/null
pid=$(show bearerd MainPID)
ok "bearerd's user" bearerd "$(stat -c %U "/proc/$pid")"
ok "its network is its own" other \
  "$([ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] && echo ours || echo other)"
ok "its users are the host's: it must tell peers apart" ours \
  "$([ "$(readlink "/proc/$pid/ns/user")" = "$(readlink /proc/self/ns/user)" ] && echo ours || echo other)"
ok "no core dumps" "0 0" "$(sed -n 's/^Max core file size *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p' "/proc/$pid/limits")"
ok "no capabilities" "0000000000000000 0000000000000000" \
  "$(sed -n 's/^Cap\(Bnd\|Prm\):\t//p' "/proc/$pid/status" | xargs)"
ok "no new privileges, and a filter of system calls" "1 2" \
  "$(sed -n 's/^\(NoNewPrivs\|Seccomp\):\t//p' "/proc/$pid/status" | xargs)"
ok "its environment has no secret" 0 "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -cE 'SECRET|CREDENTIALS')"

# --- what bearerd's sandbox permits
ok "the probe runs there" "bearerd*" "$(probe bearerd.service 'id -un')"
ok "bearerd cannot read the credential store" "*Permission denied*" \
  "$(probe bearerd.service 'cat /etc/credstore/athena.client_secret')"
ok "... nor what a fetch was given" "*denied*" \
  "$(install -d -m 0700 /run/credentials/other; echo x >/run/credentials/other/secret
    probe bearerd.service 'cat /run/credentials/other/secret || ls /run/credentials')"
ok "... nor open a socket to the network" "*Address family not supported*" \
  "$(probe bearerd.service "$(py 'import socket; socket.socket(socket.AF_INET)')")"
ok "... nor one of another kind" "*Address family not supported*" \
  "$(probe bearerd.service "$(py 'import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)')")"
ok "... nor write to the disk" "*Read-only file system*" \
  "$(probe bearerd.service 'touch /etc/bearerd/x /var/lib/x /usr/x')"
ok "... nor beside the sockets" "*Permission denied*" "$(probe bearerd.service 'touch /run/bearerd/x')"
ok "... but in its own directory" "fine" \
  "$(probe bearerd.service 'touch /run/bearerd/pub/x && rm /run/bearerd/pub/x && echo fine')"
ok "... nor make memory executable" "*PermissionError*" \
  "$(probe bearerd.service "$(py 'import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)')")"
ok "... nor see homes" "*/home*Permission denied*" "$(probe bearerd.service 'ls /home')"
ok "... nor trace others" "*Operation not permitted*" \
  "$(probe bearerd.service "$(py 'import ctypes, os; c = ctypes.CDLL(None, use_errno=True); c.ptrace(16, os.getppid(), 0, 0); print(os.strerror(ctypes.get_errno()))')")"

# --- what bearerd-fetch's sandbox permits
ok "bearerd-fetch has its user" "bearerd-fetch*" "$(probe bearerd-fetch@x.service 'id -un')"
ok "... reads its own credentials" "$client_id*" \
  "$(probe bearerd-fetch@x.service 'cat $CREDENTIALS_DIRECTORY/athena.client_id')"
ok "... but not the store" "*Permission denied*" \
  "$(probe bearerd-fetch@x.service 'cat /etc/credstore/athena.client_secret')"
ok "... cannot ask for tokens" "*Permission denied*" \
  "$(probe bearerd-fetch@x.service "$(py 'import socket; socket.socket(socket.AF_UNIX).connect("'$socket'")')")"
ok "... nor have requests made" "*Permission denied*" \
  "$(probe bearerd-fetch@x.service "$(py 'import socket; socket.socket(socket.AF_UNIX).connect("/run/bearerd/fetch.sock")')")"
ok "... nor write to the disk" "*Read-only file system*" "$(probe bearerd-fetch@x.service 'touch /etc/bearerd/x')"

# --- who may open which socket
connects() { "$@" /usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$path" 2>&1; }
path=$run/fetch.sock
ok "workers cannot have requests made" "*Permission denied*" "$(connects as_worker)"
path=$run/credential.sock
ok "... nor take the place of systemd" "*Permission denied*" "$(connects as_worker)"
modes() { stat -c '%n %a %U %G' $run $run/*.sock $run/pub | sed "s,^$run,,"; }
wanted=' 755 root root
/control.sock 600 root root
/credential.sock 600 root root
/fetch.sock 600 bearerd bearerd
/token.sock 660 root bearer
/pub 755 bearerd bearerd'
ok "sockets and directories" "$wanted" "$(modes)"
systemctl restart bearerd
ok "... after a restart" "$wanted" "$(modes)"
systemctl stop bearerd.service 2>/dev/null
ok "... while bearerd is stopped" "$wanted" "$(modes)"
finish
