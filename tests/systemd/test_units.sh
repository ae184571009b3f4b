#!/bin/bash
# SPDX-License-Identifier: MIT
# allow_units: which unit the process is in that has connected, by what the kernel says.
. "$(dirname "$0")/lib.sh"

# allow PATTERNS: from now on.
allow() {
  section athena >/etc/bearerd/bearerd.conf
  [ -z "$1" ] || echo "allow_units = $1" >>/etc/bearerd/bearerd.conf
  systemctl reload bearerd
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
ok "... not of root, either" "$denied" \
  "$(curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/token)"
ok "the list has it for whom may have it" '{"tokens":[[]{"name":"athena"*' "$(tokens worker.service)"
ok "... and not for others" '{"tokens":[[]]}' "$(tokens other.service)"

# --- what a user calls things does not count

cat >/tmp/user-manager <<'END_OF_SCRIPT'
#!/bin/bash
# A process in user@UID.service/app.slice/worker.service, as systemd --user has it.
group=$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p "/sys/fs/cgroup$group/app.slice/worker.service" || exit
echo 0 >"/sys/fs/cgroup$group/app.slice/worker.service/cgroup.procs" || exit
cat /proc/self/cgroup
exec curl -sS --max-time 10 --unix-socket /run/bearerd/token.sock http://localhost/v1/token
END_OF_SCRIPT
chmod +x /tmp/user-manager
of_user=$(systemd-run --quiet --wait --pipe --collect --uid=worker --property=Delegate=yes \
  --unit=user@4242.service -- /tmp/user-manager 2>&1)
ok "a user's own worker.service" "*/user@4242.service/app.slice/worker.service*" "$of_user"
ok "... is no worker.service of the system" "$denied" "$of_user"

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

# --- requests that wait while the policy changes

waits() {
  systemd-run --quiet --collect --uid=worker --unit="$1" \
    --property=StandardOutput=truncate:"/tmp/waits-$1" -- \
    curl -sS --max-time 25 --unix-socket $socket 'http://localhost/v1/token?wait=20'
}
waiting() { [[ $(as_worker bearerctl status --json 2>/dev/null) == *"\"waiting\":$1,"* ]]; }
answered() { [ -s "/tmp/waits-$1" ]; }
standin 'script?on=token&do=status:500,forever' >/dev/null 2>&1 || note "no script"
finish
