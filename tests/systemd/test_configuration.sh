#!/bin/bash
# SPDX-License-Identifier: MIT
# A wrong configuration is told, loses nothing, and is mended without a restart.
. "$(dirname "$0")/lib.sh"

conf=/etc/bearerd/bearerd.conf
spoil() { sed '$a nonsense = 1' /etc/bearerd/good.conf | sed '2s/.*/token_url = ftp:\/\/x/' >$conf; }
mend() { cp /etc/bearerd/good.conf $conf; }
status() { as_worker curl -sS -o /dev/null -w '%{http_code}' --unix-socket $socket "http://localhost$1"; }

set_up
cp $conf /etc/bearerd/good.conf

# --- at a reload
ok "a worker gets its token" '{"access_token":*' "$(ask /v1/token)"
before=$(generation)
spoil
ok "a wrong file fails the reload" 1 "$(systemctl reload bearerd 2>/dev/null; echo $?)"
ok "... naming file and line" "*$conf:11:*" "$(journal cat -n 6)"
ok "... and workers are served" "$before" "$(generation)"
kill -HUP "$(show bearerd MainPID)"
still() { journal cat -n 8 | grep -q 'the one before stays in force'; }
ok "... also if nobody looked before SIGHUP" 0 "$(until_ok 10 still; echo $?)"
ok "... and workers are served" "$before" "$(generation)"

# --- at a restart: it stays, says why, and waits for somebody to mend it
since=$(date +%s.%N)
systemctl restart bearerd
ok "a wrong file at start: it is active" active "$(systemctl is-active bearerd)"
ok "... and says what is wrong" \
  "no token is served, the configuration is wrong: mend it, then systemctl reload bearerd: $conf:2: * (and 1 more)" \
  "$(show bearerd StatusText)"
ok "... as people read it" "*the configuration is wrong: mend it*" "$(systemctl status bearerd)"
ok "... and in the journal, once, each mistake with its line" "1 1 1" \
  "$(for what in "$conf:2:" "$conf:11:" "the configuration is wrong: workers get no token"; do
    journal cat --since="@$since" | grep -cF "$what"; done | xargs)"
ok "workers are told" '{"error":"temporarily_unavailable"*the configuration of bearerd is wrong*' "$(ask /v1/token)"
ok "... by 503" "503 503 503" "$(status /v1/token) $(status /v1/tokens/athena) $(status /v1/tokens)"
ok "... and by bearerctl get" "*no token yet*see 'bearerctl status'" "$(as_worker bearerctl get 2>&1)"
ok "... and bearerctl status" "*configuration is wrong; 'systemctl status bearerd' says what to mend" \
  "$(as_worker bearerctl status 2>&1)"
pid=$(show bearerd MainPID)
sleep 3
ok "it does not spin" "$pid 0" "$(show bearerd MainPID) $(show bearerd NRestarts)"
ok "... nor flood the journal" yes "$(n=$(journal cat --since="@$since" | wc -l); [ "$n" -lt 12 ] && echo yes || echo "$n lines")"
ok "a reload while it is still wrong fails" 1 "$(systemctl reload bearerd 2>/dev/null; echo $?)"
ok "... and it is still there" "$pid active" "$(show bearerd MainPID) $(systemctl is-active bearerd)"
since=$(date +%s.%N)
kill -HUP "$pid"
told() { journal cat --since="@$since" | grep -q 'workers get no token'; }
ok "... also if nobody looked before SIGHUP" 0 "$(until_ok 10 told; echo $?)"
ok "a unit that wants a token by LoadCredential= does not start" 243 \
  "$(systemd-run --quiet --wait --property=LoadCredential=athena:$run/credential.sock true 2>/dev/null; echo $?)"
ok "... which is told" "*gets no credential athena*the configuration is wrong*" \
  "$(journal cat MESSAGE_ID=17a855775a924e47942d27b01ab65b4c -n 1)"
systemctl reset-failed
rm $conf
systemctl restart bearerd
ok "no file at all: it is active, too" active "$(systemctl is-active bearerd)"
ok "... and says so" "no token is served, the configuration is wrong: *$conf: cannot be read: *" \
  "$(show bearerd StatusText)"
ok "... and two restarts lose nothing" "*bearerd-store*" "$(ls -l /proc/1/fd)"
mend
ok "mended, a reload succeeds" 0 "$(systemctl reload bearerd; echo $?)"
ok "... and the token of before is served" "$before" "$(generation)"
ok "... which cost no request" 1 "$(requests)"
ok "STATUS= is as ever" "athena: valid until *, next renewal at *" "$(show bearerd StatusText)"

# --- in the foreground nobody would mend it
spoil
ok "in the foreground it exits with EX_CONFIG" 78 \
  "$(bearerd --socket /tmp/foreground.sock 2>/dev/null; echo $?)"
mend
ok "the socket is still systemd's" "660 root bearer" "$(stat -c '%a %U %G' $socket)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
