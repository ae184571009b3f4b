#!/bin/bash
# SPDX-License-Identifier: MIT
# Where credentials come from, what happens without them, and how they are rotated.
. "$(dirname "$0")/lib.sh"

conf=/etc/bearerd/bearerd.conf
dropin=/etc/systemd/system/bearerd-fetch@.service.d/test.conf

# with LINE...: what bearerd-fetch@.service has besides, from now on.
with() {
  mkdir -p "${dropin%/*}"
  printf '%s\n' '[Service]' "$@" >$dropin
  systemctl daemon-reload
}
# token NAME: its answer, as a worker gets it.
token() { ask "/v1/tokens/$1?wait=5"; }
granted() { [[ $(token "$1") == '{"access_token":"eyJ'* ]]; }
says() { journal cat | grep -qF "$1"; }
# reconfigure SECTION...: these tokens there are from now on, and they are tried at once.
reconfigure() {
  for name; do section "$name"; done >$conf
  # shellcheck disable=SC2154 # lib.sh has it
  reload
}

set_up
pid=$(show bearerd MainPID)
ok "LoadCredential=ID, from /etc/credstore" '{"access_token":"eyJ*' "$(token athena)"

# --- rotation: used from the next request on; tried at once by a reload
before=$(generation)
put_credential athena.client_secret wrong
reload
until_ok 10 status_says '*401*'
ok "a wrong secret is told in STATUS=" "*HTTP 401*" "$(show bearerd StatusText)"
ok "... and in the journal, with what to do" "*check client_id, client_secret*served the present token until*" \
  "$(journal cat -n 3)"
ok "... and the token is still served" "$before" "$(generation)"
put_credential athena.client_secret "$client_secret"
reload
until_ok 10 is_newer_than "$before"
ok "the right one is used at reload" newer "$(is_newer_than "$before" && echo newer)"
# A worker whose token was refused makes the next request.
before=$(generation)
put_credential athena.client_secret wrong-again
refused() { ask "/v1/token?after=$before&wait=1" && status_says '*401*'; }
ok "without a reload, the next request uses what is there then" 0 "$(until_ok 10 refused; echo $?)"
put_credential athena.client_secret "$client_secret"
reload
until_ok 10 is_newer_than "$before"
ok "all that without a restart" "$pid" "$(show bearerd MainPID)"

# --- each form
install -d -m 0700 /run/credstore
printf %s "$client_secret" >/run/credstore/volatile.client_secret
printf %s $client_id >/run/credstore/volatile.client_id
chmod 600 /run/credstore/*
with LoadCredential=volatile.client_id LoadCredential=volatile.client_secret
reconfigure volatile
ok "LoadCredential=ID, from /run/credstore" '{"access_token":"eyJ*' "$(token volatile)"

install -d -m 0700 /root/keys
printf %s $client_id >/root/keys/id
printf %s "$client_secret" >/root/keys/secret
chmod 600 /root/keys/*
with LoadCredential=path.client_id:/root/keys/id LoadCredential=path.client_secret:/root/keys/secret
reconfigure path
ok "LoadCredential=ID:PATH" '{"access_token":"eyJ*' "$(token path)"

systemd-creds setup >/dev/null 2>&1
encrypt() { printf %s "$2" | systemd-creds encrypt --with-key=host --name="$1" - "$3" 2>/dev/null; }
encrypt sealed.client_id $client_id /root/keys/sealed.client_id
encrypt sealed.client_secret "$client_secret" /root/keys/sealed.client_secret
ok "systemd-creds encrypts" 0 "$(grep -cF "$client_secret" /root/keys/sealed.client_secret)"
with LoadCredentialEncrypted=sealed.client_id:/root/keys/sealed.client_id \
  LoadCredentialEncrypted=sealed.client_secret:/root/keys/sealed.client_secret
reconfigure sealed
ok "LoadCredentialEncrypted=ID:PATH" '{"access_token":"eyJ*' "$(token sealed)"

install -d -m 0700 /etc/credstore.encrypted
encrypt stored.client_id $client_id /etc/credstore.encrypted/stored.client_id
encrypt stored.client_secret "$client_secret" /etc/credstore.encrypted/stored.client_secret
with LoadCredentialEncrypted=stored.client_id LoadCredentialEncrypted=stored.client_secret
reconfigure stored
ok "LoadCredentialEncrypted=ID, from /etc/credstore.encrypted" '{"access_token":"eyJ*' "$(token stored)"

(umask 077; printf "ID=%s\nSECRET='%s'\n" $client_id "$client_secret" >/etc/bearerd/environment)
with
section variable | sed 's/credential:.*_id$/env:ID/; s/credential:.*_secret$/env:SECRET/' >$conf
reload
ok "EnvironmentFile=" '{"access_token":"eyJ*' "$(token variable)"
sed -i "s/^SECRET=.*/SECRET=wrong/" /etc/bearerd/environment
reload
ok "... whose secret is rotated likewise" 0 "$(until_ok 10 status_says '*401*'; echo $?)"

install -m 0600 -o bearerd-fetch /root/keys/id /etc/bearerd/file.id
install -m 0600 -o bearerd-fetch /root/keys/secret /etc/bearerd/file.secret
section file | sed 's,credential:.*_id$,file:/etc/bearerd/file.id,; s,credential:.*_secret$,file:/etc/bearerd/file.secret,' >$conf
reload
ok "file:PATH" '{"access_token":"eyJ*' "$(token file)"
chmod 0644 /etc/bearerd/file.secret
reload
ok "... which others may not read" 0 "$(until_ok 10 status_says '*its mode 0644 lets others*chmod 600*'; echo $?)"

# --- one that is missing stops that token alone, is told, and costs no request
missing() {
  local what=$1 message=$2 asked
  shift 2
  with "$@"
  asked=$(requests)
  { section gone; section athena; } >$conf
  [ -z "${change-}" ] || sed -i "$change" $conf
  reload
  ok "$what is missing: the other token goes on" '{"access_token":"eyJ*' "$(token athena)"
  until_ok 10 status_says "*$message*"
  ok "... it is told" "*$message*" "$(show bearerd StatusText)"
  ok "... and cost no request" yes "$(if [ "$(requests)" -le $((asked + 1)) ]; then echo yes; else requests; fi)"
}
missing "LoadCredential=ID" "gone: no valid token*put it into /etc/credstore, and add LoadCredential=gone.client_id" \
  LoadCredential=gone.client_id LoadCredential=gone.client_secret
missing "a LoadCredential= line" "put it into /etc/credstore, and add LoadCredential=gone.client_id"
missing "LoadCredential=ID:PATH with SetCredential=ID:\\n" "gone: no valid token*it is empty" \
  LoadCredential=gone.client_id:/root/nothing 'SetCredential=gone.client_id:\n' 'SetCredential=gone.client_secret:\n'
missing "LoadCredentialEncrypted=ID" "gone: no valid token*it is not there" \
  LoadCredentialEncrypted=gone.client_id LoadCredentialEncrypted=gone.client_secret
rm /etc/bearerd/environment
change='/^\[token gone\]/,/^\[token athena\]/s/credential:.*_id$/env:ID/' \
  missing "EnvironmentFile=-" "gone: no valid token*it is not set in the environment of bearerd-fetch"

# A path that is missing, with nothing in its place: systemd starts no request at all.
with LoadCredential=gone.client_id:/root/nothing
asked=$(requests)
reload
ok "LoadCredential=ID:PATH alone is missing: no request is made" 0 \
  "$(until_ok 10 status_says "*bearerd-fetch ended without an answer; why: journalctl -u 'bearerd-fetch@\*'*"; echo $?)"
ok "... where the reason is" 0 "$(until_ok 10 says 'status=243/CREDENTIALS'; echo $?)"
ok "... and the token that there is is served" '{"access_token":"eyJ*' "$(token athena)"
ok "... nothing reached the endpoint" "$asked" "$(requests)"
with
ok "mended, the next attempt succeeds" 0 "$(until_ok 30 status_says '*athena: valid until*next renewal*'; echo $?)"

# What an issuer says of itself is kept by systemd's means, for the next request.
standin describe -X POST >/dev/null
sed -i 's|^token_url.*|issuer = '"${url%/oauth2/*}"'|' $conf
before=$(requests)
reload
more() { [ "$(requests)" -ge $((before + $1)) ]; }
ok "an issuer says where its endpoint is" 0 "$(until_ok 10 more 1; echo $?)"
reload
ok "... for two requests" 0 "$(until_ok 10 more 2; echo $?)"
ok "... and is asked once for each of two tokens" 2 "$(standin 'count?on=metadata')"
ok "... what it has said is bearerd-fetch's" "bearerd-fetch 600" \
  "$(stat -c '%U %a' /var/cache/bearerd-fetch/athena.discovery)"

ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
ok "the journal has no secret" 0 "$(journalctl --no-pager -o verbose | grep -cF "$client_secret")"
finish
