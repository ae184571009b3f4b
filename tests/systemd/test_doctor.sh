#!/bin/bash
# SPDX-License-Identifier: MIT
# bearerctl doctor as root, who sees the whole path as the units have it, and as a worker; and
# bearerctl wait and write in units.
. "$(dirname "$0")/lib.sh"

fetch_drop_in=/run/systemd/system/bearerd-fetch@.service.d
wrong() { bearerctl doctor "$@" 2>&1 | grep '^WRONG'; }
last() { bearerctl doctor "$@" 2>&1 | tail -n 1; }
as_user_doctor() { as_worker bearerctl doctor "$@" 2>&1; }
# fetch_setting LINE: for the requests from now on.
fetch_setting() {
  mkdir -p $fetch_drop_in
  printf '[Service]\n%s\n' "$1" >$fetch_drop_in/test.conf
  systemctl daemon-reload
}
fetch_as_installed() {
  rm -r $fetch_drop_in
  systemctl daemon-reload
}

set_up
ok "a token" '{"access_token":*' "$(ask /v1/token)"

# --- all is well
sleep 0.2 # min_renewal_interval, since the first one
before=$(requests)
said=$(bearerctl doctor --as worker 2>&1)
ok "nothing is wrong, and it says what it spent" "*Nothing is wrong; one token request was made." "$said"
ok "each check" "configuration group socket loaded peer fetch client_auth dns tcp tls clock credentials scope lifetime budget" \
  "$(sed -n '$!s/^ok  *\([a-z_]*\) .*/\1/p' <<<"$said" | grep -v path | xargs)"
ok "... and nothing else" 0 "$(sed '$d' <<<"$said" | grep -cv '^ok ')"
ok "paths with their mode and owner" "*$run: 0755 root:root*$socket: 0660 root:bearer*control.sock: 0600 root:root*" "$said"
ok "the group" "*worker is in group bearer*" "$said"
ok "one token request" $((before + 1)) "$(requests)"
ok "... and one look" 1 "$(standin 'count?on=look')"
ok "it leaves nothing in the journal but the renewal that an operator wants" 0 \
  "$(journal cat -p warning | grep -c .)"
ok "JSON" '{"checks":\[{"check":"configuration","result":"ok",*"ok":true,"token_requests":1,*' \
  "$(sleep 1; bearerctl doctor --json)"

# --- as the unit sees it
before=$(requests)
fetch_setting PrivateNetwork=yes
ok "it is the unit that looks" "WRONG    tcp *firewall*" "$(wrong)"
ok "... for nothing" "$before" "$(requests)"
ok "... and not the worker's" "*ok       tcp *" "$(as_user_doctor)"
fetch_as_installed

# --- credentials, which only the unit has
before=$(requests)
mv /etc/credstore/athena.client_secret /etc/credstore/away
ok "a credential that is missing" "WRONG    client_auth *put it into /etc/credstore*" "$(wrong)"
ok "... for nothing" "$before" "$(requests)"
ok "... which a worker cannot see" "*skipped  client_auth *CREDENTIALS_DIRECTORY*" "$(as_user_doctor)"
put_credential athena.client_secret "$client_secret-not"
ok "a wrong secret" "WRONG    credentials *HTTP 401 invalid_client*" "$(wrong)"
ok "... for one request" $((before + 1)) "$(requests)"
rm /etc/credstore/athena.client_secret
mv /etc/credstore/away /etc/credstore/athena.client_secret
ok "mended" "Nothing is wrong; one token request was made." "$(sleep 0.2; last)"
ok "no secret and no token is in any of it" 0 \
  "$(bearerctl doctor --json | grep -c -e eyJ -e "$client_secret")"

# --- a restart while it waits
asked_since() { [ "$(requests)" -gt "$1" ]; }
standin behave -d '{"delay": 60}' >/dev/null
before=$(requests) old=$(generation)
wrong >/tmp/wrong &
asks=$!
until_ok 20 asked_since "$before"
systemctl restart bearerd
standin normal -X POST >/dev/null
wait $asks
ok "bearerd is restarted meanwhile" "WRONG    credentials *restarted meanwhile*run the doctor again*" "$(cat /tmp/wrong)"
ok "... and has the renewal made" 0 "$(until_ok 20 is_newer_than "$old"; echo $?)"

# --- a key and its certificate
cp /etc/bearerd/bearerd.conf /etc/bearerd/good.conf
put_credential athena.private_key "$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)"
openssl req -new -x509 -key /etc/credstore/athena.private_key -subj /CN=client -days 13 -out /etc/bearerd/client.pem
sed -i 's|^client_secret .*|client_auth = self_signed_tls_client_auth\nprivate_key = credential:athena.private_key\nclient_certificate = file:/etc/bearerd/client.pem|
  /^basic_encoding/d' /etc/bearerd/bearerd.conf
ok "a certificate that expires soon" "*warning  client_auth *client_certificate expires in 1[23] days*" \
  "$(bearerctl doctor --no-request)"
put_credential athena.private_key "$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)"
ok "... or is of another key" "WRONG    client_auth *it is of another key than private_key*" "$(wrong --no-request)"
rm /etc/credstore/athena.private_key
mv /etc/bearerd/good.conf /etc/bearerd/bearerd.conf

# --- users
ok "who is not in the group" "WRONG    group *stranger is not in group bearer*usermod --append --groups bearer stranger*" \
  "$(wrong --as stranger)"
chgrp root $socket
ok "root's group is for nobody else" "WRONG    group *SocketGroup=bearer by 'systemctl edit bearerd.socket'*" \
  "$(wrong --as stranger)"
ok "... as who asks is told, too" "*Permission denied; set SocketGroup=bearer by *77" \
  "$(as_stranger bearerctl get 2>&1; echo $?)"
chgrp bearer $socket
ok "who is not there" "*no such user*67" "$(bearerctl doctor --as nobody-of-that-name 2>&1; echo $?)"
ok "a worker" "*Nothing is wrong in what was looked at; * checks were skipped; no token request was made." "$(as_user_doctor)"
ok "... is told what is root's" "*skipped  loaded *root*credentials *not tried now*skipped  budget *root*" \
  "$(as_user_doctor)"
ok "... and may not ask as others" "*skipped  peer *only root can ask as stranger*" \
  "$(usermod --append --groups bearer stranger; as_user_doctor --as stranger)"
ok "a stranger's session that began before" "WRONG    group *began before that*" \
  "$(as_stranger bearerctl doctor 2>&1 | grep ^WRONG)"
sed -i '/^\[token athena\]/a allow_users = root' /etc/bearerd/bearerd.conf
ok "a configuration that is not loaded counts only when it is" "*ok       peer *worker may have*" \
  "$(bearerctl doctor --as worker --no-request)"
reload
ok "who may not have it" "WRONG    peer *allow_users = root*" "$(wrong --as worker)"
sed -i 's/^allow_users = root/allow_units = worker.service/' /etc/bearerd/bearerd.conf
reload
ok "who may in its unit" "*skipped  peer *allow_units = worker.service*" \
  "$(bearerctl doctor --as worker --no-request)"
sed -i '/^allow_units/d' /etc/bearerd/bearerd.conf
reload

# --- the socket where bearerd has requests made
systemctl stop --job-mode=ignore-dependencies bearerd-fetch.socket
ok "bearerd-fetch's socket where nobody listens" \
  "WRONG    fetch *$run/fetch.sock*Connection refused; systemctl restart bearerd-fetch.socket*" "$(wrong)"
rm $run/fetch.sock
ok "... and no socket" \
  "WRONG    fetch *$run/fetch.sock*No such file*; systemctl restart bearerd-fetch.socket*" "$(wrong)"
bearerctl refresh >/dev/null
worker_is_told() { as_user_doctor --no-request | grep '^WRONG    fetch .*systemctl restart bearerd-fetch.socket'; }
ok "... as a worker is told, too, once it is missed" 0 "$(until_ok 30 worker_is_told; echo $?)"
systemctl restart bearerd-fetch.socket
renewed
ok "... until it is started" "Nothing is wrong*" "$(last --no-request)"

# --- sockets
systemctl stop bearerd.socket bearerd.service 2>/dev/null
ok "a socket where nobody listens" "WRONG    socket *Connection refused*systemctl start bearerd.socket)*" "$(wrong)"
rm $socket
ok "no socket" "WRONG    path *token.sock: No such file*systemctl start bearerd.socket*" "$(wrong)"
systemctl start bearerd.service
ok "it is there again" "Nothing is wrong*" "$(last --no-request)"

# --- a program that reads a file, once: by the unit that the guide has
useradd --system --groups bearer report
unit=/etc/systemd/system/report-token.service
sed -n "\,^    # $unit,,/^\$/s/^    //p" "$source/docs/operating.md" >$unit
mkdir $unit.d
printf '[Service]\nExecStartPre=bearerctl wait athena --timeout 60\n' >$unit.d/wait.conf
systemctl daemon-reload
systemctl start report-token
token() { ask /v1/token | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'; }
is_fresh() { [ "$(cat /run/report/token)" = "$(token)" ]; }
ok "a unit that writes it" "600 report" "$(stat -c '%a %U' /run/report/token)"
ok "... has the token" 0 "$(is_fresh; echo $?)"
bearerctl refresh >/dev/null
ok "... and the next one" 0 "$(until_ok 20 is_fresh; echo $?)"
systemctl stop report-token
ok "... and ends as it should" success "$(show report-token Result)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
