#!/bin/bash
# SPDX-License-Identifier: MIT
# Who has had a token: what the operators' guide says to type, typed; two users, two units.
. "$(dirname "$0")/lib.sh"

guide=$source/docs/operating.md
conf=/etc/bearerd/bearerd.conf

# in_unit NAME USER COMMAND...: what COMMAND prints as a service of this name.
in_unit() {
  systemd-run --quiet --wait --pipe --collect --uid="$2" --unit="$1" -- "${@:3}" 2>&1
}
# gets UNIT USER TOKEN [TIMES]: so often, on a connection each time; the statuses.
gets() {
  in_unit "$1" "$2" /bin/bash -c 'for ((i = 0; i < $2; i++)); do
    curl -s --max-time 10 -o /dev/null -w "%{http_code}\n" --unix-socket /run/bearerd/token.sock "http://localhost/v1/tokens/$1"
  done | sort | uniq -c | xargs' gets "$3" "${4-1}"
}
# The present generation of athena, without asking for the token.
present() { ask /v1/tokens | sed -n 's/.*"name":"athena"[^}]*"generation":\([0-9]*\).*/\1/p'; }
newer() { [ "$(present)" -gt "$1" ]; }
# guided PATTERN SED [ARGUMENT...]: the command of the guide that has PATTERN, changed by SED.
guided() {
  local command
  command=$(sed -n ':join; /\\$/ { N; b join }; s/\\\n *//g; s/^    \(journalctl .*\)/\1/p' "$guide" |
    grep -e "$1" | sed -e "$2")
  journalctl --sync
  eval "$command --no-pager -q ${*:3}"
}
# who GENERATION [ARGUMENT...]: the answer to "who has had this generation of athena?".
who() { guided BEARERD_GENERATION=41 "s/=41$/=$1/" "${@:2}"; }
refused() { guided MESSAGE_ID=66d4.*MESSAGE_ID=2750 '' "$@"; }
# field NAME: of messages in export format.
field() { sed -n "s/^$1=//p"; }

# Nothing else is to wake bearerd up when the count of what was left out is due.
mkdir -p /etc/systemd/system/bearerd.service.d
printf '[Service]\nWatchdogSec=0\n' >/etc/systemd/system/bearerd.service.d/test.conf
set_up
useradd --groups bearer reporter
{ section b | sed 's/credential:b\./credential:athena./'; echo 'allow_users = worker'; } >>$conf
first=$(generation)
systemctl reload bearerd
ok "a reload renews it" 0 "$(until_ok 20 newer "$first"; echo $?)"
worker=$(id -u worker) reporter=$(id -u reporter)

# --- refusals; what is too many of them is told in half a minute, below

ok "one who may not have it" "14 403" "$(gets report.service reporter b 14)"
ok "... is on record up to the limit" "10 access_denied" \
  "$(refused -o export | field BEARERD_REFUSAL | sort | uniq -c | xargs)"
ok "... as what it is" "token b: refused to uid $reporter, unit report.service (pid *, calls itself \"curl\"): access_denied by allow_users" \
  "$(refused -o cat | head -1)"

# --- who has had generation 41 of athena?

old=$(present)
ok "a generation" "+([0-9])" "$old"
ok "one user gets it" "20 200" "$(gets worker.service worker athena 20)"
ok "another one, too" "20 200" "$(gets report.service reporter athena 20)"
ok "and the first in another unit" "20 200" "$(gets second.service worker athena 20)"
systemctl reload bearerd
ok "then there is a new one" 0 "$(until_ok 10 newer "$old"; echo $?)"
new=$(present)
ok "that the one gets" "1 200" "$(gets worker.service worker athena)"
ok "the old one was had by all three, told once each" \
  "$worker worker.service $reporter report.service $worker second.service" \
  "$(who "$old" -o json --output-fields=BEARERD_PEER_UID,BEARERD_PEER_UNIT |
    /usr/bin/python3 -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["BEARERD_PEER_UID"], json.loads(line)["BEARERD_PEER_UNIT"])' | xargs)"
ok "... and the new one by the one" "token athena: generation $new is given to uid $worker, unit worker.service (pid *, calls itself \"curl\")" \
  "$(who "$new" -o cat)"
ok "the pid is one of that unit's" "+([0-9])" "$(who "$new" -o export | field BEARERD_PEER_PID)"
ok "it is explained" "*Subject: Generation $new of token athena was given*Defined-By: bearerd*" "$(who "$new" -x)"
ok "the journal has it by journald's own word" "bearerd.service" "$(who "$new" -o export | field _SYSTEMD_UNIT)"

# What anybody writes is not what bearerd has written.
forged() {
  printf '%s\n' MESSAGE=forged MESSAGE_ID=ec548a69bcf142f7b65053623d159363 BEARERD_TOKEN=athena \
    "BEARERD_GENERATION=$new" _SYSTEMD_UNIT=bearerd.service "BEARERD_PEER_UID=0"
}
forged | as_worker logger --journald
ok "a record that a worker forges is in the journal" forged "$(journalctl --sync
  journalctl --no-pager -q -o cat MESSAGE_ID=ec548a69bcf142f7b65053623d159363 _UID="$worker")"
ok "... and not in the answer" "$worker" "$(who "$new" -o export | field BEARERD_PEER_UID)"

# --- units that are started, and names that are made up

ok "a unit by LoadCredential=" "eyJ*" "$(systemd-run --quiet --wait --pipe --collect --uid=worker --unit=starts.service \
  --property="LoadCredential=athena:$run/credential.sock" -- /bin/sh -c 'cat "$CREDENTIALS_DIRECTORY/athena"')"
ok "... is on record as the unit" "token athena: generation $new is given to unit starts.service" \
  "$(who "$new" -o cat | tail -1)"
ok "... without a user" "$worker" "$(who "$new" -o export | field BEARERD_PEER_UID)"
cp /usr/bin/curl /tmp/systemd
in_unit report.service reporter /tmp/systemd -s -o /dev/null --unix-socket $socket http://localhost/v1/tokens/athena
ok "who calls itself something is on record with it" "report.service systemd" \
  "$(who "$new" -o export | awk -F= '/^BEARERD_PEER_UNIT=report/ { unit = $2 } /^BEARERD_PEER_COMM=systemd/ { comm = $2 } END { print unit, comm }')"

# --- over a restart

systemctl restart bearerd
ok "after a restart, the same generation" "1 200 $new" "$(gets worker.service worker athena) $(present)"
ok "... is on record once more" 2 "$(who "$new" -o export | field BEARERD_PEER_UNIT | grep -c worker.service)"

# --- what was left out

ok "what was left out before the restart is told at its end" "4 more record(s) of what was refused to uid $reporter, unit report.service were left out" \
  "$(refused -o cat | grep more)"
gets report.service reporter b 12 >/dev/null
ok "what is left out" 1 "$(refused -o cat | grep -c more)"
again() { [ "$(refused -o export | field BEARERD_LEFT_OUT | xargs)" = "4 2" ]; }
ok "... is told half a minute later" 0 "$(until_ok 40 again; echo $?)"

# --- all, and none

token=$(ask /v1/tokens/athena | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
printf '[broker]\naudit = all\n' >>$conf
systemctl reload bearerd
until_ok 10 newer "$new"
new=$(present)
ok "with all" "7 200" "$(gets worker.service worker athena 7)"
ok "... each is on record" 7 "$(who "$new" -o cat | wc -l)"
sed -i 's/^audit = .*/audit = none/' $conf
systemctl reload bearerd
until_ok 10 newer "$new"
new=$(present)
ok "with none" "7 200" "$(gets worker.service worker athena 7)"
ok "... none is" 0 "$(who "$new" -o cat | wc -l)"
ok "no token is in the journal" "eyJ* 0" "$token $(journalctl -q --no-pager -o verbose --all | grep -cF "${token:0:200}")"
finish
