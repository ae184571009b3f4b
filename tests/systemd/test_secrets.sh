#!/bin/bash
# SPDX-License-Identifier: MIT
# The client secrets and the tokens of a whole life, looked for wherever a system could keep them:
# the journal, temporary and runtime directories, command lines and environments, what systemctl
# shows, core files, memory, swap. A canary that is planted in each place shows that it is searched.
. "$(dirname "$0")/lib.sh"

# A file each, because what is looked for is nobody's argument. $planted is the one that is planted.
canaries=/root/canaries planted=/root/planted-canary
install -d -m 0700 $canaries
(
  umask 077
  printf %s "$client_secret" >$canaries/secret
  printf %s 'wrong-secret/with+some=other&characters' >$canaries/wrong
  printf %s 'canary-of-this-test/that+is=nowhere&else%' >$planted
)

# --- searching: each prints where the canaries in $1, a file or a directory, are found

canary() { /usr/bin/python3 "$source/tests/e2e/canary.py" "$@"; }
pid() { show bearerd MainPID; }
in_memory() { canary "$1" "mem:$(pid)"; }
in_store() { canary "$1" fds:1; }
in_journal() { journalctl --sync && journalctl --no-pager -q --all -o "$2" | canary "$1" -; }
in_units() { systemctl show --all '*' 'bearerd-fetch@x.service' | canary "$1" -; }
in_processes() { canary "$1" /proc/[0-9]*/cmdline /proc/[0-9]*/environ; }
# All that is new since the start. The endpoint keeps what it was sent, in a place of its own.
directories=(/run /tmp /var/tmp /dev/shm /var/lib /var/log /var/cache /etc/systemd)
in_files() {
  find "${directories[@]}" \( -path /tmp/standin -o -path "$source" -o -path "$build" \) -prune \
    -o -type f -newercm /root/beginning -print >/root/new-files
  canary "$1" list:/root/new-files
}

# new_token: what workers get now is a canary as well: its signature, for the rest is like in others.
n_tokens=0
new_token() {
  n_tokens=$((n_tokens + 1))
  ask /v1/token | sed -n 's/.*"access_token":"[^"]*\.\([^".]*\)".*/\1/p' | tr -d '\n' >$canaries/token$n_tokens
}
reload() { systemctl reload bearerd; }
# renew: has a new token, for which nobody has asked.
renew() {
  before=$(generation athena)
  reload
  until_ok 15 is_newer_than "$before" athena
}

# --- the life

of_its_own /tmp
of_its_own /var/tmp
touch /root/beginning
install_bearerd
start_endpoint
configure_athena
watched_for 1s
enable_bearerd
new_token
ok "a token" 342 "$(wc -c <$canaries/token1)"
seen= # of secrets in bearerd's memory
look_into_memory() { seen+=$(in_memory $canaries/secret; in_memory $canaries/wrong); }
look_into_memory

more() { [ "$(requests)" -gt "$asked" ]; }
failed_with() { status_says "*$1*"; }
for answer in '{"what": "echo-secret"}' \
  '{"what": 403, "body": "{\"error\":\"@SECRET@\",\"detailedmessage\":\"@AUTHORIZATION@\"}"}' \
  '{"what": 400, "body": "{\"error\":\"invalid_client\",\"error_description\":\"@TOKEN@ @SECRET@\"}"}' \
  '{"what": 302, "headers": {"Location": "/?x"}}' \
  '{"what": 500, "body": "@AUTHORIZATION@"}' \
  '{"what": "oversized"}' '{"what": "reset"}' '{"what": "truncated"}'; do
  asked=$(requests)
  standin next -d "$answer" >/dev/null
  reload
  until_ok 10 more
  look_into_memory
done
standin normal -X POST >/dev/null
reload

put_credential athena.client_secret "$(cat $canaries/wrong)"
standin behave -d '{"what": "echo-secret"}' >/dev/null
reload
ok "a wrong secret" 0 "$(until_ok 10 failed_with 401; echo $?)"
look_into_memory
standin certificate -d '{"kind": "untrusted"}' >/dev/null
reload
ok "an endpoint that is somebody else" 0 "$(until_ok 15 failed_with tls_ca_file; echo $?)"
standin certificate -d '{"kind": "good"}' >/dev/null
standin normal -X POST >/dev/null
put_credential athena.client_secret "$client_secret"
ok "the right one again" 0 "$(renew; echo $?)"
sed -i 's/^client_secret.*/client_secret = wrong-secret\/with+some=other\&characters/' /etc/bearerd/bearerd.conf
ok "a secret where it does not belong" 1 "$(reload 2>/dev/null; echo $?)"
kill -HUP "$(pid)"
look_into_memory
section athena >/etc/bearerd/bearerd.conf
renew
new_token
look_into_memory

# --- memory

ok "bearerd never had a secret in its memory" "" "$seen"
ok "... where the token is" "*: raw of token2*" "$(in_memory $canaries/token2)"
ok "... and not the one before" "" "$(in_memory $canaries/token1)"
ok "what systemd keeps has the token" "/memfd:bearerd-store*: raw of token2" "$(in_store $canaries/token2)"
ok "... and not the one before" "" "$(in_store $canaries/token1)"
old=$(pid)
kill -KILL "$old"
until_ok 15 is_another "$old"
ok "the next life has the same" "*: raw of token2*" "$(in_memory $canaries/token2)"
renew
new_token
ok "... until it is replaced" "" "$(in_memory $canaries/token2; in_store $canaries/token2)"
ok "... by its own" "*: raw of token3*" "$(in_memory $canaries/token3)"

# --- ends

how_it_ended() { journal cat -n 30 | grep 'Main process exited' | tail -n 1; }
old=$(pid)
kill -STOP "$old"
ok "the watchdog aborts it" 0 "$(until_ok 15 is_another "$old"; echo $?)"
ok "... without a core file" "*code=killed, status=6/ABRT*" "$(how_it_ended)"
old=$(pid)
kill -SEGV "$old"
until_ok 15 is_another "$old"
ok "... nor by SIGSEGV" "*code=killed, status=11/SEGV*" "$(how_it_ended)"
systemctl stop bearerd 2>/dev/null
systemctl start bearerd
ok "a token after all that" '{"access_token":"eyJ*' "$(ask /v1/token)"
until_ok 10 status_says 'athena: valid until *, next renewal*'

# --- limits

for unit in bearerd.service bearerd-fetch@x.service; do
  ok "$unit: no core files" "0 0" "$(show $unit LimitCORE) $(show $unit LimitCORESoft)"
  ok "... and no swap" "0 bearerd.slice" "$(show $unit MemorySwapMax) $(show $unit Slice)"
done
ok "... for what is kept between two lives, either" "0 /bearerd.slice" \
  "$(show bearerd.slice MemorySwapMax) $(show bearerd.slice ControlGroup)"
for group in /bearerd.slice "$(show bearerd ControlGroup)"; do
  file=/sys/fs/cgroup$group/memory.swap.max
  [ ! -e "$file" ] || ok "... by the kernel: $group" 0 "$(cat "$file")" # where it has that controller
done

# --- everything else

ok "the journal, all fields of all programs" "" "$(in_journal $canaries export)"
ok "... as JSON" "" "$(in_journal $canaries json)"
ok "what systemctl shows of all units" "" "$(in_units $canaries)"
ok "command lines and environments" "" "$(in_processes $canaries)"
ok "files that are new" "" "$(in_files $canaries)"

# --- that all these places are searched

value=$(cat $planted)
ok "(the journal, before anything is planted)" "" "$(in_journal $planted export)"
logger --tag planted "Authorization: Basic $(printf %s "0oa-planted:$value" | base64 -w0)"
ok "(the journal is searched)" "standard input: *base64*" "$(in_journal $planted export)"
ok "(... as JSON)" "standard input: *base64*" "$(in_journal $planted json)"
systemd-run --quiet --unit=planted --setenv=PLANTED="$value" sleep 60
ok "(units are searched)" "standard input: *" "$(in_units $planted)"
in_its_environment() { in_processes $planted | grep "^/proc/$(show planted MainPID)/environ: raw"; }
ok "(environments are searched)" 0 "$(until_ok 10 in_its_environment; echo $?)"
/usr/bin/python3 -c 'import time; time.sleep(60)' "$value" &
in_its_arguments() { in_processes $planted | grep "^/proc/$!/cmdline: raw"; }
ok "(command lines are searched)" 0 "$(until_ok 10 in_its_arguments; echo $?)"
ok "(memory is searched)" "*[[]stack[]]*: raw of*" "$(canary $planted mem:$!)"
kill $!
for directory in "${directories[@]}"; do
  mkdir "$directory/planted"
  cp $planted "$directory/planted/file"
done
found=$'\n'$(in_files $planted)
for directory in "${directories[@]}"; do
  ok "($directory is searched)" "*"$'\n'"$directory/planted/file: raw of*" "$found"
done
# One that nothing forbids to leave a core file. Where that goes is the host's to say (core(5)).
printf 'import os, sys; value = open(sys.argv[1]).read(); os.abort()' >/tmp/planted/aborts.py
systemd-run --quiet --wait --unit=aborts --property=LimitCORE=infinity --property=WorkingDirectory=/tmp/planted \
  /usr/bin/python3 /tmp/planted/aborts.py $planted 2>/dev/null
journalctl --sync
ok "(a core file would be told)" "*code=dumped, status=6/ABRT*" "$(journalctl -q -o cat -u aborts)"
if [[ $(cat /proc/sys/kernel/core_pattern) == core* ]]; then
  ok "(... and found)" "*/tmp/planted/core*: raw of*" "$(in_files $planted)"
fi
finish
