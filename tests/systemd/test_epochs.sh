#!/bin/bash
# SPDX-License-Identifier: MIT
# The file of epochs is there over all that systemd does with bearerd, is one file, and says what is
# so: a worker that keeps its token sees what it should.
. "$(dirname "$0")/lib.sh"

file=/run/bearerd/pub/epoch

# The epoch of the token, as published; 0: nothing that is kept is good.
epoch() { od --address-radix=n --format=u8 --skip-bytes=64 --read-bytes=8 $file | xargs; }
inode() { stat -c '%i %a %U %s' $file; }
# What is kept by a worker in C that asks and then stays: "N" is its generation.
start_keeper() {
  coproc keeper { as_worker env LD_LIBRARY_PATH="$build/client" "$build/tests/e2e/test-keeper"; }
}
keeps() {
  echo get >&"${keeper[1]}"
  head -n 1 <&"${keeper[0]}"
}
has_moved() { [ "$(epoch)" -gt 0 ] && [ "$(epoch)" != "$1" ]; }
is_settled() { bearerctl status --json | grep -q '"fetching":false'; }
given() { bearerctl status --json | sed -n 's/.*"replies":{"token":\([0-9]*\).*/\1/p' | head -n 1; }

set_up
ok "a token" '{"access_token":*"epoch_file":"/run/bearerd/pub/epoch","epoch_slot":0,*' "$(ask /v1/token)"
before=$(inode)
ok "its epoch is published for everyone to read" "* 644 bearerd 8256" "$before"
ok "... and a stranger can" "$(epoch)" \
  "$(as_stranger od --address-radix=n --format=u8 --skip-bytes=64 --read-bytes=8 $file | xargs)"
ok "... but not write" "*Permission denied*" "$(as_worker sh -c ": >>$file" 2>&1)"

start_keeper
first=$(keeps)
ok "a worker gets the token" "$(generation)" "$first"
asked=$(given)
keeps >/dev/null
ok "... and keeps it" "$asked" "$(given)"

reload # which has the token renewed, too
until_ok 20 is_settled
asked=$(given)
second=$(keeps)
ok "after a reload it asks" "$((asked + 1))" "$(given)"
ok "... and gets the newer one" "$(generation)" "$second"

kept=$(epoch)
asked=$(given)
kill -STOP "$(show bearerd MainPID)"
ok "it does not notice that bearerd hangs" "$second" "$(keeps)"
systemctl kill --signal=KILL bearerd.service
ok "... nor that it was killed" "$second" "$(keeps)"
ok "the next life calls it in" yes "$(until_ok 20 has_moved "$kept" && echo yes)"
ok "... has the same token for it, and the same file" "$second $before" "$(keeps) $(inode)"

systemctl stop bearerd.socket bearerd.service
ok "stopped, nothing that is kept is good" 0 "$(epoch)"
ok "... and the worker is told that there is no bearerd" "error *" "$(keeps)"
systemctl start bearerd
third=$(keeps)
ok "started, it gets one again" "$(generation)" "$third"
ok "... by the same file" "$before" "$(inode)"
kept=$(epoch)
systemctl restart bearerd
ok "a restart calls it in, too" yes "$(until_ok 20 has_moved "$kept" && echo yes)"
ok "... and it is the same token" "$third" "$(keeps)"

# --- a policy that changes
echo 'allow_users = root' >>/etc/bearerd/bearerd.conf
reload
ok "who may not have it any more keeps none" "error 6" "$(keeps)"

finish
