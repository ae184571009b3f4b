#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever ends bearerd, the next one goes on where it was: no worker notices, the endpoint is not
# asked, and no generation goes back.
. "$(dirname "$0")/lib.sh"

token() { ask /v1/token | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'; }
restarts() { show bearerd NRestarts; }

# start_workers N PAUSE_US
start_workers() {
  : >/tmp/workers.out
  setpriv --reuid worker --regid worker --init-groups \
    "$build/tests/systemd/test-workers" "$@" >/tmp/workers.out 2>&1 &
  workers=$!
}
# $said is what they have to say.
stop_workers() {
  kill -TERM $workers
  wait $workers
  said=$(cat /tmp/workers.out)
}
# ending NAME COMMAND...: bearerd is ended so, and comes back.
ending() {
  local name=$1 pid
  shift
  pid=$(show bearerd MainPID)
  "$@"
  ok "$name: it is back" 0 "$(until_ok 20 is_another "$pid"; echo $?)"
}
by_watchdog() { kill -STOP "$(show bearerd MainPID)"; }

install_bearerd
start_endpoint
configure_athena
watched_for 1s
enable_bearerd
before=$(generation) before_token=$(token)
ok "one request" 1 "$(requests)"

# --- fifty busy workers
start_workers 50 5000
sleep 0.3
for i in 1 2 3; do
  ending "restart $i" systemctl restart bearerd
  ending "SIGKILL $i" systemctl kill --signal=KILL bearerd
done
ending "watchdog" by_watchdog
ok "... so it was" "*watchdog*" "$(journal cat -n 30 | grep -i watchdog)"
systemctl daemon-reexec
ending "restart after daemon-reexec" systemctl restart bearerd
ending "SIGABRT" systemctl kill --signal=ABRT bearerd
stop_workers
ok "no worker noticed" "workers=50 answers=* failures=0 backwards=0 generations=1 *" "$said"
note "$said"
ok "the endpoint was not asked" 1 "$(requests)"
ok "the generation is the same" "$before" "$(generation)"
ok "... and the token" "$before_token" "$(token)"

# --- renewals at the same time: a life of 4 s, and something ends it every half a second
standin behave -d '{"expires_in": 4}' >/dev/null
reload
until_ok 10 is_newer_than "$before"
start_workers 50 5000
sleep 0.3
end_in_turn 0.5
stop_workers
ok "no worker noticed, while tokens change" "workers=50 answers=* failures=0 backwards=0 generations=* *" "$said"
ok "... which they did" "*generations=[!1]*" "$said"
note "$said"
standin normal -X POST >/dev/null
reload
long_life() { ask /v1/token | grep -q '"expires_in":3[0-9][0-9][0-9]'; }
ok "a token with a long life again" 0 "$(until_ok 20 long_life; echo $?)"

# --- what is kept is a secret, and only the one that counts
ok "the token is kept" 0 "$(memory holds "$(token)"; echo $?)"
ok "the one before is not" 1 "$(memory holds "$before_token"; echo $?)"
ok "no secret is kept" 1 "$(memory holds "$client_secret"; echo $?)"
ok "its size is sealed" "*PermissionError*" "$(memory cut 2>&1)"
read -r _ used < <(memory length)
ok "it takes little memory" yes "$([ "$used" -le 65536 ] && echo yes || echo "$used")"

# --- what is of no use is dropped, with a message, and costs one request
for case in "damage damaged" "version another\ version" "boot another\ boot"; do
  read -r what why <<<"$case"
  before=$(generation) asked=$(requests)
  since=$(date +%s.%N)
  between_lives memory "$what"
  ok "$what: a token all the same" '{"access_token":"eyJ*' "$(ask /v1/token)"
  ok "... by one request" $((asked + 1)) "$(requests)"
  ok "... with a higher generation" yes "$([ "$(generation)" -gt "$before" ] && echo yes)"
  ok "... and a message" "*is dropped: it is *$why*" "$(journal cat --since="@$since")"
  before=$(generation) asked=$(requests)
  systemctl restart bearerd
  ok "... once" "$before $asked" "$(generation) $(requests)"
done

# --- a life that cannot keep anything leaves nothing of an earlier one: its generations would come back
dropin=/etc/systemd/system/bearerd.service.d/boot.conf
before=$(generation)
printf '[Service]\nEnvironment=BEARERD_BOOT_ID=none\n' >$dropin
systemctl daemon-reload
systemctl restart bearerd
ok "nothing can be kept: a new token all the same" '{"access_token":"eyJ*' "$(ask /v1/token)"
between=$(generation)
ok "... of a higher generation" yes "$([ "$between" -gt "$before" ] && echo yes)"
ok "... and what was kept is forgotten" "*keeps no bearerd-store*" "$(memory length 2>&1)"
rm $dropin
systemctl daemon-reload
systemctl restart bearerd
ok "... so that no generation comes back" '{"access_token":"eyJ*' "$(ask /v1/token)"
ok "... ever" yes "$([ "$(generation)" -gt "$between" ] && echo yes)"
ok "... and the next life goes on from there" "$(generation)" "$(systemctl restart bearerd; generation)"

# --- stopped, nothing is kept; from systemd 254 on, when that is wanted
systemctl stop bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket bearerd.service
if [ "$(show bearerd FileDescriptorStorePreserve)" = yes ]; then
  ok "stopped, it is kept" 0 "$(memory holds eyJ; echo $?)"
  systemctl clean --what=fdstore bearerd
fi
ok "stopped with its sockets, nothing is kept" "*keeps no bearerd-store*" "$(memory length 2>&1)"
systemctl start bearerd
ok "... and a new token is there" '{"access_token":"eyJ*' "$(ask /v1/token)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
