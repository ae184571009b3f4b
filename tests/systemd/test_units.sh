#!/bin/bash
# SPDX-License-Identifier: MIT
# allow_units: which unit the process is in that has connected, by what the kernel says.
. "$(dirname "$0")/lib.sh"

# allow PATTERNS: from now on, with what $more (of sed) changes.
more=
allow() {
  section athena | sed "$more" >/etc/bearerd/bearerd.conf
  [ -z "$1" ] || echo "allow_units = $1" >>/etc/bearerd/bearerd.conf
  reload
}
# in_unit NAME COMMAND...: what COMMAND prints as a service of this name.
in_unit() {
  systemd-run --quiet --wait --pipe --collect --uid=worker --unit="$1" -- "${@:2}" 2>&1
}
got() { in_unit "$1" curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/token; }
tokens() { in_unit "$1" curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/tokens; }
denied='*"access_denied"*'
given='{"access_token":*'

set_up
allow "worker.service, report@*.service"
ok "a unit that is named" "$given" "$(got worker.service)"
ok "an instance of a template" "$given" "$(got report@1.service)"
ok "another unit" "$denied" "$(got other.service)"
ok "a name that is longer" "$denied" "$(got worker.service.service)"
ok "a process of no service" "$denied" "$(ask /v1/token)"
journalctl --sync
ok "... and why is in the journal" "allow_units 3" "$(journal export MESSAGE_ID=66d413776bd749408b495ec29727d414 |
  sed -n 's/^BEARERD_REFUSED_BY=//p' | sort | uniq -c | awk '{ print $2, $1 }')"
ok "... not of root, either" "$denied" \
  "$(curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/token)"
ok "the list has it for whom may have it" '{"tokens":[[]{"name":"athena"*' "$(tokens worker.service)"
ok "... and not for others" '{"tokens":[[]]}' "$(tokens other.service)"

# --- what a user calls things does not count

# A process in user@UID.service/app.slice/worker.service, as systemd --user has it.
cat >/tmp/user-manager <<'END_OF_SCRIPT'
#!/bin/bash
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/app.slice/worker.service
mkdir -p "$group"
echo 0 >"$group/cgroup.procs"
cat /proc/self/cgroup
exec curl -sS --max-time 10 --unix-socket /run/bearerd/token.sock http://localhost/v1/token
END_OF_SCRIPT
chmod +x /tmp/user-manager
cat >/run/systemd/system/user@4242.service <<'END_OF_UNIT'
[Service]
Type=oneshot
User=worker
Delegate=yes
ExecStart=/tmp/user-manager
StandardOutput=truncate:/tmp/of-user
END_OF_UNIT
systemctl daemon-reload
systemctl start user@4242.service
ok "a user's own worker.service" "*/user@4242.service/app.slice/worker.service*" "$(cat /tmp/of-user)"
ok "... is not the system's" "$denied" "$(cat /tmp/of-user)"
allow "user@*.service"
systemctl start user@4242.service
ok "... but a part of user@UID.service" "*$given" "$(cat /tmp/of-user)"

# --- connections

# A client that connects, then asks on the same connection each time its input has a line.
cat >/tmp/client.py <<'END_OF_CLIENT'
import socket, sys
def ask(one):
    one.sendall(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
    print(one.recv(65536).split(b"\r\n")[0].decode(), flush=True)
one = socket.socket(socket.AF_UNIX)
one.connect("/run/bearerd/token.sock")
for line in open(sys.argv[1]):
    ask(one)
END_OF_CLIENT
# asks FIFO UNIT: such a client in UNIT; a line into FIFO makes it ask, $answers has the answers.
answers=/tmp/answers
asks() {
  mkfifo -m 0666 "$1"
  systemd-run --quiet --collect --uid=worker --unit="$2" --property=StandardOutput=append:$answers \
    -- /usr/bin/python3 /tmp/client.py "$1"
}
n_answers() { [ "$(wc -l <$answers)" = "$1" ]; }

touch $answers
chmod 0666 $answers
allow ""
asks /tmp/fifo other.service
exec 7>/tmp/fifo
echo >&7
until_ok 10 n_answers 1
ok "a connection from before the reload" "HTTP/1.1 200 OK" "$(tail -n 1 $answers)"
allow worker.service
echo >&7
until_ok 10 n_answers 2
ok "... loses what the reload takes away" "HTTP/1.1 403 *" "$(tail -n 1 $answers)"
allow "other.service"
echo >&7
until_ok 10 n_answers 3
ok "... and has what a reload gives" "HTTP/1.1 200 OK" "$(tail -n 1 $answers)"
exec 7>&-

# --- connections that are handed on

# hand_on.py PATH lives|ends: connects, gives the connection to who comes to PATH, and then so.
cat >/tmp/hand_on.py <<'END_OF_GIVER'
import socket, sys, time
one, meeting = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
one.connect("/run/bearerd/token.sock")
meeting.bind(sys.argv[1])
meeting.listen()
taker, _ = meeting.accept()
socket.send_fds(taker, [b"x"], [one.fileno()])
if sys.argv[2] == "lives":
    taker.recv(1)
END_OF_GIVER
# take.py PATH [UNIT]: takes it, and asks. With UNIT: once that one has ended.
cat >/tmp/take.py <<'END_OF_TAKER'
import socket, subprocess, sys, time
meeting = socket.socket(socket.AF_UNIX)
meeting.connect(sys.argv[1])
_, fds, _, _ = socket.recv_fds(meeting, 1, 1)
while sys.argv[2:] and subprocess.run(["systemctl", "is-active", "--quiet", sys.argv[2]]).returncode == 0:
    time.sleep(0.05)
one = socket.socket(fileno=fds[0])
one.sendall(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
print(one.recv(65536).split(b"\r\n")[0].decode())
END_OF_TAKER
gives() {
  systemd-run --quiet --collect --uid=worker --unit="$1" /usr/bin/python3 /tmp/hand_on.py "$2" "$3"
  until_ok 10 test -S "$2"
}
mkdir -m 0777 /tmp/meeting
allow worker.service
gives worker.service /tmp/meeting/1 lives
ok "who is handed a connection has what its maker may have" "HTTP/1.1 200 OK" \
  "$(in_unit other.service /usr/bin/python3 /tmp/take.py /tmp/meeting/1)"
gives other.service /tmp/meeting/2 lives
ok "... and not what it may have itself" "HTTP/1.1 403 *" \
  "$(in_unit worker.service /usr/bin/python3 /tmp/take.py /tmp/meeting/2)"
gives worker.service /tmp/meeting/3 ends
ok "... and nothing once its maker has ended" "HTTP/1.1 403 *" \
  "$(in_unit other.service /usr/bin/python3 /tmp/take.py /tmp/meeting/3 worker.service)"

# --- numbers of processes that are gone

# Takes a connection, becomes the number that its maker had, which is gone, and asks.
cat >/tmp/reuse.py <<'END_OF_REUSER'
import ctypes, os, signal, socket, struct, sys, time
CLONE3 = 435
def fork_as(number):
    wanted = ctypes.c_int(number)
    # clone3(2): exit_signal is the fifth, set_tid and its size are the ninth and tenth.
    arguments = struct.pack("11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    child = ctypes.CDLL(None, use_errno=True).syscall(CLONE3, arguments, len(arguments))
    if child == 0:
        signal.pause()
    assert child == number, os.strerror(ctypes.get_errno())
meeting = socket.socket(socket.AF_UNIX)
meeting.connect(sys.argv[1])
_, fds, _, _ = socket.recv_fds(meeting, 1, 1)
number, _, _ = struct.unpack("3i", meeting.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
while os.path.exists(f"/proc/{number}"):
    time.sleep(0.01)
fork_as(number)
one = socket.socket(fileno=fds[0])
one.sendall(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
print(open(f"/proc/{number}/cgroup").read().strip().rpartition("/")[2],
      one.recv(65536).split(b"\r\n")[0].decode())
os.kill(number, signal.SIGKILL)
END_OF_REUSER
# A child connects and ends; its parent, which has the connection too, asks before it waits for it.
cat >/tmp/zombie.py <<'END_OF_PARENT'
import os, socket
one = socket.socket(socket.AF_UNIX)
child = os.fork()
if child == 0:
    one.connect("/run/bearerd/token.sock")
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
one.sendall(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
print(one.recv(65536).split(b"\r\n")[0].decode())
END_OF_PARENT
gives other.service /tmp/meeting/4 ends
ok "who has the number of one that is gone is not taken for it" "worker.service HTTP/1.1 403 *" \
  "$(systemd-run --quiet --wait --pipe --collect --unit=worker.service -- \
    /usr/bin/python3 /tmp/reuse.py /tmp/meeting/4 2>&1)"
ok "one that has ended has no unit, though nobody has waited for it" "HTTP/1.1 403 *" \
  "$(in_unit worker.service /usr/bin/python3 /tmp/zombie.py)"

# --- who is another one in namespaces of its own, as in a container: root, and process 1

contained() {
  in_unit "$1" unshare --user --map-root-user --pid --cgroup --mount --net --ipc --uts --fork -- \
    sh -c "${2-:}; curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/token"
}
ok "in its own namespaces a process is root, and process 1" "0 1*" "$(contained worker.service 'echo $(id -u) $$$$')"
ok "... but counts as what it is outside: in its unit" "$given" "$(contained worker.service)"
ok "... in no other one" "$denied" "$(contained other.service)"
more='$a allow_users = root'
allow ""
ok "... not as root" "$denied" "$(contained worker.service)"
more='$a allow_users = worker'
allow ""
ok "... but as the user that it is" "$given" "$(contained worker.service)"
more=
allow worker.service

# --- bearerd itself in a PID namespace, as in a container: there it cannot find who its peers are

mkdir /tmp/contained
(umask 077 && printf %s $client_id >/tmp/contained/client_id)
(umask 077 && printf %s "$client_secret" >/tmp/contained/client_secret)
{
  echo "[broker]"
  echo "socket_mode = 0666"
  section athena | sed 's|credential:athena[.]|file:/tmp/contained/|'
  echo "allow_units = worker.service"
} >/tmp/contained/bearerd.conf
# got_of_another WRAPPER...: what worker.service gets of a bearerd that WRAPPER starts.
got_of_another() {
  local at=/tmp/contained/token.sock
  "$@" bearerd --config /tmp/contained/bearerd.conf --socket $at >/tmp/contained/log 2>&1 &
  until_ok 10 test -S $at
  in_unit worker.service curl -sS --max-time 10 --unix-socket $at http://localhost/v1/token
  kill -KILL $!
  wait $! 2>/dev/null
  rm -f $at
}
ok "another bearerd tells units, too" "$given" "$(got_of_another env)"
ok "... but not from a PID namespace of its own" "$denied" \
  "$(got_of_another unshare --pid --fork --kill-child --mount-proc)"

# --- processes that end as soon as they have asked

cat >/tmp/hasty.py <<'END_OF_HASTY'
import os, socket
for i in range(200):
    if os.fork() == 0:
        one = socket.socket(socket.AF_UNIX)
        one.connect("/run/bearerd/token.sock")
        one.sendall(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
END_OF_HASTY
pid=$(show bearerd MainPID)
in_unit worker.service /usr/bin/python3 /tmp/hasty.py
ok "who asks and ends does no harm" "$given" "$(got worker.service)"
ok "... to the same bearerd" "$pid" "$(show bearerd MainPID)"

# --- requests that wait while the policy changes

waits() {
  systemd-run --quiet --collect --uid=worker --unit="$1" \
    --property=StandardOutput=truncate:"/tmp/waits-$1" -- \
    curl -sS --max-time 25 --unix-socket $socket 'http://localhost/v1/token?wait=20'
}
waiting() { [[ $(ask /v1/tokens) == *"\"waiting\":$1,"* ]]; }
# Another URL is another token: there is none yet, and there will be none.
standin behave -d '{"what": "stall"}' >/dev/null
more='s/localhost/LOCALHOST/; $a connect_timeout = 1s\ntimeout = 1s'
allow ""
waits worker.service
waits other.service
until_ok 10 waiting 2
ok "two wait for a token" waiting "$(waiting 2 && echo waiting)"
allow worker.service
until_ok 10 test -s /tmp/waits-other.service
ok "one that the reload forbids is refused" "$denied" "$(cat /tmp/waits-other.service)"
ok "... the other waits on" "" "$(cat /tmp/waits-worker.service)"
standin normal -X POST >/dev/null
until_ok 20 test -s /tmp/waits-worker.service
ok "... and gets its token" "$given" "$(cat /tmp/waits-worker.service)"
ok "nothing has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
