#!/bin/bash
# SPDX-License-Identifier: MIT
# A key of bearerctl keygen --encrypt, by the real systemd-creds and the host's key: systemd decrypts
# it for bearerd-fetch, an endpoint takes what it signs, and another one takes its place. In the
# clear it goes through a pipe, and is on no disk.
. "$(dirname "$0")/lib.sh"

conf=/etc/bearerd/bearerd.conf dropin=/etc/systemd/system/bearerd-fetch@.service.d/key.conf
store=/etc/credstore.encrypted
key=$store/athena.private_key

# keygen OPTION...: another key, traced; what is to be registered is in /tmp/new.jwks.
keygen() {
  rm -f /tmp/trace.*
  strace --follow-forks --output-separately --string-limit=65536 --decode-fds=path --output=/tmp/trace \
    bearerctl keygen athena --algorithm ES256 --encrypt "$@" >/tmp/new.jwks 2>/tmp/keygen.err
}
# private FILE: the secret number of the key, as the host's key decrypts it.
private() {
  systemd-creds decrypt --name=athena.private_key "$1" - 2>/dev/null | sed -n 's/.*"d":"\([^"]*\)".*/\1/p'
}
key_id() { sed -n 's/.*"kid":"\([^"]*\)".*/\1/p' "$1"; }
# register FILE...: the keys of all these sets, at the provider.
register() {
  /usr/bin/python3 -c 'import json, sys
print(json.dumps({"keys": [key for name in sys.argv[1:] for key in json.load(open(name))["keys"]]}))' "$@" >/tmp/registered.jwks
  standin register -d '{"client_id": "ours", "method": "private_key_jwt", "algorithm": "ES256", "jwks": "/tmp/registered.jwks"}' >/dev/null
}
# signed_by: the id of the key that the endpoint's last request was signed with.
signed_by() {
  tail -n 1 /tmp/standin/requests.jsonl | /usr/bin/python3 -c 'import base64, json, sys
from urllib.parse import parse_qs
head = parse_qs(json.load(sys.stdin)["body"])["client_assertion"][0].split(".")[0]
print(json.loads(base64.urlsafe_b64decode(head + "=="))["kid"])'
}
# in_files: which of the files that are new have what is in /root/secret, but for where systemd decrypts it.
in_files() {
  find /dev/shm /etc /home /root /run /tmp /var \
    \( -path "$source" -o -path "$build" -o -path /root/secret -o -path /run/credentials \) -prune \
    -o -type f -newer /root/beginning -print0 | xargs -0 grep -lFf /root/secret
}

of_its_own /tmp
of_its_own /var/tmp
touch /root/beginning
set_up
ok "a token, by a secret so far" '{"access_token":*' "$(ask /v1/token)"
put_credential athena.client_id ours
systemd-creds setup >/dev/null 2>&1
install -d -m 0700 $store

# --- one is made
ok "a key is made" 0 "$(keygen; echo $?)"
cp /tmp/new.jwks /tmp/first.jwks
(umask 077; private $key >/root/secret)
secret=$(cat /root/secret)
ok "... which the host's key opens" "???????????????????????????????????????????" "$secret"
ok "... what is to be registered is its public half" '{"keys":[[]{*"kid":"*' "$(cat /tmp/first.jwks)"
ok "... without the other one" 0 "$(grep -cFf /root/secret /tmp/first.jwks /tmp/keygen.err | grep -vc ':0$')"
ok "root alone has the file" "root 600" "$(stat -c '%U %a' $key)"
ok "... and by it nobody has the key" 0 "$(grep -cFf /root/secret $key)"
ok "the key was written into a pipe" "*pipe:*" "$(grep -hF -e "$secret" /tmp/trace.* | grep ^write)"
ok "... and nowhere else" "" \
  "$(grep -hF -e "$secret" /tmp/trace.* | grep -vE '^(write|read)\([0-9]+<pipe:')"
rm /tmp/trace.*
ok "... so that it is in no file" "" "$(in_files)"
ok "... (which would be found)" "/etc/planted" "$(cp /root/secret /etc/planted; in_files; rm /etc/planted)"
ok "a key that is there is left alone" "73 $secret" "$(keygen; echo $? "$(private $key)")"

# --- systemd decrypts it
mkdir -p "${dropin%/*}"
printf '%s\n' '[Service]' 'LoadCredentialEncrypted=athena.private_key' >$dropin
systemctl daemon-reload
register /tmp/first.jwks
section athena | sed '/^client_secret/d; /^basic_encoding/d' >$conf
printf '%s\n' 'client_auth = private_key_jwt' 'signing_algorithm = ES256' 'private_key = credential:athena.private_key' >>$conf
ok "a token by an assertion" yes "$(renewed && echo yes)"
ok "... that the key has signed" "$(key_id /tmp/first.jwks)" "$(signed_by)"
# What systemd has decrypted, while a request is made.
standin next -d '{"delay": 3}' >/dev/null
systemctl reload bearerd
decrypted() { set -- /run/credentials/bearerd-fetch@*/athena.private_key && [ -e "$1" ] && where=$1; }
until_ok 10 decrypted
decrypted
ok "systemd has decrypted it into memory" "ramfs *" "$(stat -f -c '%T %n' "${where-none}")"
ok "... for bearerd-fetch alone" "*Permission denied*Permission denied*" \
  "$(as_worker cat "$where" 2>&1; setpriv --reuid bearerd --regid bearerd --clear-groups -- cat "$where" 2>&1)"
ok "... and it is in no file" "" "$(in_files)"
gone() { ! decrypted; }
ok "... nor there once the request is made" 0 "$(until_ok 15 gone; echo $?)"

# --- another one takes its place, as the guide says
ok "another key is made" 0 "$(keygen --output $store/.new; echo $?)"
cp /tmp/new.jwks /tmp/second.jwks
(umask 077; private $store/.new >>/root/secret)
ok "... is another one" 2 "$(sort -u /root/secret | wc -l)"
register /tmp/first.jwks /tmp/second.jwks
ok "both are registered: the old one signs" yes "$(renewed && echo yes)"
ok "... still" "$(key_id /tmp/first.jwks)" "$(signed_by)"
mv $store/.new $key
ok "moved into its place, the new one does" yes "$(renewed && echo yes)"
ok "... at once" "$(key_id /tmp/second.jwks)" "$(signed_by)"
register /tmp/second.jwks
ok "the old one is registered no longer, and nobody notices" yes "$(renewed && echo yes)"
rm /tmp/trace.*
ok "neither is in any file" "" "$(in_files)"
ok "... nor in the journal" 0 "$(journalctl --no-pager -o verbose --all | grep -cFf /root/secret)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
