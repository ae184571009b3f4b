#!/bin/bash
# SPDX-License-Identifier: MIT
# A bearerd that does not do its work is replaced, and one that does is left alone.
. "$(dirname "$0")/lib.sh"

install_bearerd
start_endpoint
configure_athena
watched_for 2s
enable_bearerd

by_watchdog() { journal cat -n 40 | grep -ci 'watchdog timeout'; }

# --- left alone, and under load
ok "a token" '{"access_token":"eyJ*' "$(ask /v1/token)"
pid=$(show bearerd MainPID)
sleep 5
ok "it is left alone while nothing happens" "$pid" "$(show bearerd MainPID)"
# Not faster than one user may ask: for who waits for that, the timer is armed again and again.
setpriv --reuid worker --regid worker --init-groups \
  "$build/tests/systemd/test-workers" 20 5000 >/tmp/workers.out 2>&1 &
workers=$!
sleep 5
ok "... and under load" "$pid" "$(show bearerd MainPID)"

# --- the timer alone is dead: workers are served, and nothing would ever be renewed
/usr/bin/python3 "$source/tests/systemd/stop_timer.py" "$pid" &
ok "a dead timer: another one takes its place" 0 "$(until_ok 15 is_another "$pid"; echo $?)"
ok "... by the watchdog" 1 "$(by_watchdog)"
ok "... and is left alone" yes "$(pid=$(show bearerd MainPID); sleep 5; is_another "$pid" || echo yes)"
kill -TERM $workers
wait $workers
ok "no worker noticed" "workers=20 answers=* failures=0 backwards=0 generations=1 *" "$(cat /tmp/workers.out)"
note "$(cat /tmp/workers.out)"

# --- the loop is dead
pid=$(show bearerd MainPID)
kill -STOP "$pid"
ok "a dead loop: who asks is answered all the same" '{"access_token":"eyJ*' "$(ask /v1/token)"
ok "... by another one" yes "$(is_another "$pid" && echo yes)"
ok "... by the watchdog" 2 "$(by_watchdog)"
ok "all that cost one request" 1 "$(requests)"
finish
