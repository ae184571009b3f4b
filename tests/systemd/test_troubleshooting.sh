#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/troubleshooting.md, symptom after symptom: it is brought about, what the page says is seen is what is
# seen, and what it says to do mends it.
. "$(dirname "$0")/lib.sh"

given='{"access_token":*'
# answer PATH [CURL OPTION...]: the status, and the body, as a worker gets it.
answer() { as_worker curl -sS --max-time 30 -w ' %{http_code}' --unix-socket $socket "http://localhost$1" "${@:2}" 2>&1; }
# with LINE...: what the token's section has besides, from now on.
with() {
  section athena >/etc/bearerd/bearerd.conf
  printf '%s\n' "$@" >>/etc/bearerd/bearerd.conf
  reload
}
sockets=(bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket)
# Started with nothing kept, and as often as a test likes: systemd counts starts.
begin() {
  systemctl stop "${sockets[@]}" bearerd.service
  systemctl reset-failed "${sockets[@]}" bearerd.service
  systemctl start bearerd
}
endpoint_is() { standin behave -d "$1" >/dev/null; }
endpoint_is_well() { standin normal -X POST >/dev/null; }

# told TEXT: the journal has it since mark, in a message of bearerd's or about it.
mark() { since=$(date +'%F %T'); }
is_told() { journal cat --since "$since" | grep -qF -- "$1"; }
told() {
  until_ok 10 is_told "$1"
  echo $?
}
# soon COMMAND...: it succeeds before long.
soon() {
  until_ok 10 "$@"
  echo $?
}
is_of_scope() { as_worker bearerctl get --json | grep -q "\"scope\":\"$1\""; }
are_waiting() { bearerctl metrics | grep -q "^bearerd_waiting_requests.* $1\$"; }
doctor_finds() { bearerctl doctor 2>&1 | grep ^WRONG; }

set_up
ok "all is well" "$given 200" "$(answer /v1/token)"

# --- a worker gets no token
systemctl stop "${sockets[@]}" bearerd.service
ok "the socket has been stopped" "*Connection refused*69" "$(as_worker bearerctl get 2>&1; echo $?)"
systemctl start bearerd.socket
ok "... and is started" "$given 200" "$(answer /v1/token)"
systemctl stop "${sockets[@]}" bearerd.service
rm $socket
ok "there is no socket" "*No such file*69" "$(as_worker bearerctl get 2>&1; echo $?)"
systemctl start bearerd.socket
ok "... and is one" "$given 200" "$(answer /v1/token)"

stranger() { setpriv --reuid stranger --regid stranger --init-groups bearerctl get 2>&1; echo $?; }
ok "an account that is not in the group" "*Permission denied*77" "$(stranger)"
usermod --append --groups bearer stranger
ok "... and is" "eyJ*0" "$(stranger)"

with "allow_users = root"
ok "403" '*"access_denied"* 403' "$(answer /v1/token)"
journalctl --sync
ok "... and which list it was" "*BEARERD_REFUSED_BY=allow_users*" \
  "$(journalctl -u bearerd BEARERD_REFUSAL=access_denied -o verbose 2>&1)"

with "$(section other)"
ok "400, no default" "*default* 400" "$(answer /v1/token)"
ok "... but by its name" "$given 200" "$(answer /v1/tokens/athena)"
with "default = yes" "$(section other)"
ok "... or with a default" "$given 200" "$(answer /v1/token)"

with ""
# For what is said to be refused. What a reload renews may be under way, and is the answer then. The
# pause after it takes more than 9 s, which min_renewal_interval does not.
refused_answer() { answer "/v1/token?after=$(generation)" --include; }
is_paused() { refused_answer >/tmp/refused && grep -q '^Retry-After: [1-9][0-9]' /tmp/refused; }
ok "429, renewed just now" "0*\"slow_down\"* 429" "$(soon is_paused; cat /tmp/refused)"

put_credential athena.client_secret wrong
begin
ok "502" '*"upstream_denied"* 502' "$(answer /v1/token)"
ok "... has the endpoint's words in the status" "*invalid_client*" "$(bearerctl status --once)"
put_credential athena.client_secret "$client_secret"
reload
ok "... and new credentials are tried at a reload" "$given 200" "$(answer /v1/token)"

endpoint_is '{"status": 500}'
begin
ok "503" '*"temporarily_unavailable"* 503' "$(answer '/v1/token?wait=2')"
ok "... and why is in the status" "*HTTP 500*" "$(bearerctl status --once)"
ok "... of systemctl, too" "*HTTP 500*" "$(systemctl status bearerd)"
endpoint_is_well
ok "... and it mends itself" "$given 200" "$(answer /v1/token)"

endpoint_is '{"cut": "stall"}'
begin
ok "504" '*"timeout"* 504' "$(answer '/v1/token?wait=1')"
ok "... and where it is slow is what the doctor finds" "WRONG *" "$(doctor_finds)"
before=$SECONDS
ok "it hangs, then fails" '* 50[34]' "$(answer /v1/token)"
ok "... after 20 s" "2[0-2]" $((SECONDS - before))
with "[broker]" "user_waiting = 1"
answer /v1/token >/dev/null &
waits=$!
until_ok 10 are_waiting 1
ok "429, more than its share" '*"too_many_requests"* 429' "$(answer /v1/token)"
endpoint_is_well
with ""
wait $waits
ok "... which ends with the waiting" "$given 200" "$(answer /v1/token)"

# Many have come, and bearerd stands still.
waits_for_a_place() { grep -q ^unix_wait_for_peer "/proc/$(pgrep -x bearerctl)/wchan"; }
bearerd=$(show bearerd MainPID)
kill -STOP "$bearerd"
/usr/bin/python3 -c "$visits" until-full
ok "too many wait at the socket" "curl: (7)*" "$(answer /v1/token)"
as_worker bearerctl get >/tmp/waited &
waits=$!
ok "... where bearerctl waits as well" 0 "$(soon waits_for_a_place)"
kill -CONT "$bearerd"
wait $waits
ok "... until there is a place" "eyJ*" "$(cat /tmp/waited)"
ok "... and no longer" "$given 200" "$(answer /v1/token)"

# --- an API answers 401
endpoint_is '{"members": {"scope": "\"narrow\""}}'
bearerctl refresh >/dev/null
ok "a scope that is not enough" 0 "$(soon is_of_scope narrow)"
ok "... is what the doctor finds" "WRONG    scope *narrow*" "$(doctor_finds)"
endpoint_is_well
standin revoke-all -X POST >/dev/null
sleep 0.2 # min_renewal_interval, since the doctor looked
revoked=$(generation)
ok "a worker reports what was revoked" "$given 200" "$(answer "/v1/token?after=$revoked")"
ok "... and there is another" 0 "$(soon is_newer_than "$revoked")"
revoked=$(generation)
bearerctl refresh >/dev/null
ok "... which an operator can ask for, too" 0 "$(soon is_newer_than "$revoked")"

# --- bearerd itself
sed -i 's/^requests_per_minute.*/requests_per_minute = 2/' /etc/bearerd/bearerd.conf
reload
ok "the budget is used up" "*budget*" "$(bearerctl refresh)"
ok "... as the status has it" "* 0 of 2 *" "$(bearerctl status --once)"
ok "... and the doctor" "WRONG    *budget*" "$(doctor_finds)"
with ""
ok "... and requests_per_minute mends" "*asked for*" "$(bearerctl refresh)"

cp /etc/bearerd/bearerd.conf /tmp/good
echo 'nonsense = 1' >>/etc/bearerd/bearerd.conf
begin
ok "a wrong configuration: it starts" active "$(systemctl is-active bearerd)"
ok "... serves no token" '*"temporarily_unavailable"* 503' "$(answer '/v1/token?wait=1')"
ok "... says so in its status" "*the configuration is wrong*" "$(systemctl status bearerd)"
ok "... and what it is at --check-config" "*bearerd.conf:12: there is no such key*" "$(bearerd --check-config 2>&1)"
cp /tmp/good /etc/bearerd/bearerd.conf
ok "... and a reload mends it" 0 "$(reload; echo $?)"
ok "... and tokens are served" "$given 200" "$(answer /v1/token)"

# drop_in LINE
drop_in() {
  mkdir -p /etc/systemd/system/bearerd.service.d
  printf '[Service]\n%s\n' "$1" >/etc/systemd/system/bearerd.service.d/test.conf
  systemctl daemon-reload
  mark
  systemctl restart bearerd
}
drop_in Environment=BEARERD_BOOT_ID=none
ok "a unit without a boot id" 0 "$(told "tokens cannot be kept over a restart")"
ok "... by a drop-in that systemctl cat has" "*/test.conf*" "$(systemctl cat bearerd)"
drop_in FileDescriptorStoreMax=0
ok "a unit without a store" 0 "$(told "Cannot store more fds")"
rm /etc/systemd/system/bearerd.service.d/test.conf
systemctl daemon-reload
systemctl restart bearerd
begin=$(generation)
systemctl restart bearerd
ok "... and without the drop-in they are kept" "$begin" "$(generation)"

mark
rm $run/pub/epoch
mkdir $run/pub/epoch
systemctl restart bearerd
ok "no epochs" 0 "$(told "cannot publish epochs")"
rmdir $run/pub/epoch
systemctl restart bearerd
ok "... but with nothing in their place" bearerd1 "$(head -c 8 $run/pub/epoch)"

mark
sed -i '/^tls_ca_file/d' /etc/bearerd/bearerd.conf
reload
ok "a CA that is not known" 0 "$(told "certificate")"
ok "... is what the doctor finds" "WRONG    tls *" "$(doctor_finds)"
with ""
ok "... and tls_ca_file mends" "Nothing is wrong*" "$(bearerctl doctor 2>&1 | tail -n 1)"

endpoint_is '{"expires_in": 30}'
mark
begin
ok "a short life" 0 "$(told "it lives for less than a minute")"
endpoint_is_well
begin

# --- nothing is in the journal
ask /v1/token >/dev/null
sleep 1.1
mark
ask /v1/token >/dev/null
bearerctl refresh >/dev/null
ok "what goes well is not told" "" "$(journal cat --since "$since" | grep -v -e 'is given to' -e 'wants a new one')"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
