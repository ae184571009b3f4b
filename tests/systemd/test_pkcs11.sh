#!/bin/bash
# SPDX-License-Identifier: MIT
# A key that a token keeps for itself signs assertions and TLS in the sandbox of bearerd-fetch, by
# the guide's own drop-in; without it, what is missing is told. The token is SoftHSM's, by Debian's
# configuration.
. "$(dirname "$0")/lib.sh"
shopt -s extglob

conf=/etc/bearerd/bearerd.conf guide=$source/docs/configuration.md
dropins=/etc/systemd/system/bearerd-fetch@.service.d
uri='pkcs11:token=ours;object=athena;type=private'
pin=7351-hunter2

# drop_in FILE: as it stands in the guide.
drop_in() {
  mkdir -p $dropins
  sed -n "/^# \/.*\/$1\$/,/^\`\`\`\$/p" "$guide" | sed '$d' >"$dropins/$1"
  systemctl daemon-reload
}
# pkcs11_token LINE...: the token athena, whose key is in ours.
pkcs11_token() {
  section athena | sed '/^client_secret/d; /^basic_encoding/d' >$conf
  printf '%s\n' "private_key = $uri" 'private_key_passphrase = credential:athena.pin' "$@" >>$conf
}
# as_fetch COMMAND...: as the guide says it.
as_fetch() { runuser -u bearerd-fetch -g bearerd-fetch -G softhsm -- "$@"; }
complaints() { journalctl --sync && journalctl --no-pager -q -o cat -p warning --since="@$from" -u 'bearerd-fetch@*'; }
mark() { journalctl --sync && from=$(date +%s.%N); }

set_up
ok "a token, by a secret so far" '{"access_token":*' "$(ask /v1/token)"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /tmp/key.pem 2>/dev/null
openssl pkey -in /tmp/key.pem -pubout -out /tmp/public.pem
chmod 0644 /tmp/key.pem
as_fetch softhsm2-util --init-token --free --label ours --pin $pin --so-pin $pin >/dev/null
as_fetch softhsm2-util --import /tmp/key.pem --token ours --label athena --id 01 --pin $pin >/dev/null
rm /tmp/key.pem
put_credential athena.pin $pin
put_credential athena.client_id ours
standin register -d '{"client_id": "ours", "method": "private_key_jwt", "algorithm": "ES256", "public_key": "/tmp/public.pem"}' >/dev/null

# --- assertions
pkcs11_token 'client_auth = private_key_jwt' 'signing_algorithm = ES256'
reload
ok "without a drop-in the token's PIN is missing" 0 "$(until_ok 15 status_says '*private_key_passphrase*athena.pin*'; echo $?)"
drop_in pkcs11.conf
ok "the guide has a drop-in" "*SupplementaryGroups=softhsm*" "$(cat $dropins/pkcs11.conf)"
mark
ok "... with which an assertion is signed" yes "$(renewed && echo yes)"
ok "... each time" yes "$(renewed && echo yes)"
ok "... and nothing is complained of" "" "$(complaints)"
ok "... in the sandbox that there was" 0 \
  "$(systemd-analyze security --threshold=13 bearerd-fetch@x.service >/dev/null 2>&1; echo $?)"

put_credential athena.pin 0000
reload
ok "a wrong PIN is told" 0 "$(until_ok 15 status_says '*private_key_passphrase is not its PIN*'; echo $?)"
put_credential athena.pin $pin
sed -i 's/^SupplementaryGroups=/#&/' $dropins/pkcs11.conf
systemctl daemon-reload
reload
ok "without the group, that it is not found" 0 "$(until_ok 15 status_says '*no token has such a key*'; echo $?)"
drop_in pkcs11.conf
ok "mended, it goes on" yes "$(renewed && echo yes)"

# --- certificates
openssl req -new -x509 -days 30 -subj /CN=ours -engine pkcs11 -keyform engine -key "$uri" -passin pass:$pin \
  -out /etc/bearerd/client.pem 2>/dev/null
ok "the token signs its certificate" "subject=CN = ours" "$(openssl x509 -in /etc/bearerd/client.pem -noout -subject)"
standin register -d '{"client_id": "ours", "method": "self_signed_tls_client_auth", "certificate": "/etc/bearerd/client.pem"}' >/dev/null
pkcs11_token 'client_auth = self_signed_tls_client_auth' 'client_certificate = file:/etc/bearerd/client.pem'
mark
ok "TLS is signed there, too" yes "$(renewed && echo yes)"
ok "... and nothing is complained of" "" "$(complaints)"
standin register -d '{"client_id": "ours", "method": "self_signed_tls_client_auth", "certificate": "/tmp/standin/ca.pem"}' >/dev/null
reload
ok "... which the endpoint looks at" 0 "$(until_ok 15 status_says '*client_certificate*'; echo $?)"

# --- devices, and daemons that have them
# opened: whether the sandbox lets to the device: there may be none behind it.
opened() {
  probe bearerd-fetch@x.service "/usr/bin/python3 -c '
try:
    open(\"/dev/hsm\", \"rb\", buffering=0)
    print(\"open\")
except OSError as why:
    print(why.strerror)'"
}
groupadd hsm
mknod /dev/hsm c 10 183 # hw_random
chgrp hsm /dev/hsm
chmod 0660 /dev/hsm
ok "no device is there" "No such file or directory" "$(opened)"
drop_in device.conf
ok "the guide has a drop-in for one" "*DeviceAllow=/dev/hsm rw*" "$(cat $dropins/device.conf)"
ok "... with which it can be opened" "@(open|No such device*)" "$(opened)"
ok "... and no other" "*No such file*" "$(probe bearerd-fetch@x.service 'ls /dev/fuse /dev/mem')"
sed -i '/^DeviceAllow=/d' $dropins/device.conf
ok "... which is that line's doing" "Operation not permitted" "$(opened)"
drop_in device.conf
ok "... in a sandbox as tight as before" 0 \
  "$(systemd-analyze security --threshold=13 bearerd-fetch@x.service >/dev/null 2>&1; echo $?)"
/usr/bin/python3 -c 'import socket, time
one = socket.create_server("/run/daemon.comm", family=socket.AF_UNIX)
time.sleep(60)' &
until_ok 10 test -S /run/daemon.comm
chmod 0666 /run/daemon.comm
ok "the socket of a daemon, as pcscd is one, is in reach" fine "$(probe bearerd-fetch@x.service "/usr/bin/python3 -c '
import socket
socket.socket(socket.AF_UNIX).connect(\"/run/daemon.comm\")
print(\"fine\")'")"
kill $!

# --- what is nobody's
ok "nobody else gets at the token" "*Permission denied*" "$(as_worker ls /var/lib/softhsm/tokens 2>&1)"
ok "... the worker's socket is as before" '{"access_token":*' "$(ask /v1/token)"
ok "what they say has no PIN" 0 "$(journal verbose | grep -cF $pin)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
