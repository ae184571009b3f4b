#!/bin/bash
# SPDX-License-Identifier: MIT
# LoadCredential=ID:/run/bearerd/credential.sock: systemd itself gets a unit its token.
. "$(dirname "$0")/lib.sh"

# worker NAME [ID] [PROPERTY...]: what a unit of this name, with our credential, finds in it.
worker() {
  systemd-run --quiet --wait --pipe --collect --uid=worker --unit="$1" \
    --property="LoadCredential=${2-token}:$run/credential.sock" "${@:3}" -- \
    /bin/sh -c 'echo "$CREDENTIALS_DIRECTORY/"*; cat "$CREDENTIALS_DIRECTORY/"*' 2>&1
}
# configure [LINE...]: athena, with these lines; and another token, b.
configure() {
  section athena >/etc/bearerd/bearerd.conf
  printf '%s\n' "default = yes" "$@" >>/etc/bearerd/bearerd.conf
  section b >>/etc/bearerd/bearerd.conf
  sed -i 's/credential:b\./credential:athena./; s/localhost/LOCALHOST/' /etc/bearerd/bearerd.conf
  reload
}
value() { ask "/v1/tokens/$1" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'; }
# What the operator was told of the last refusal.
told() { journal cat MESSAGE_ID=17a855775a924e47942d27b01ab65b4c -n 1; }

set_up
ok "the socket is root's alone" "600 root" "$(stat -c '%a %U' $run/credential.sock)"

# --- the token

configure
athena=$(value athena) b=$(value b)
ok "two tokens" "eyJ* eyJ*" "$athena $b"
ok "a unit has its token, whole and without a newline" \
  "/run/credentials/one.service/token"$'\n'"$athena" "$(worker one.service)"
ok "the credential's name is a token's" "*"$'\n'"$b" "$(worker one.service b)"
ok "... or else it is the default one" "*"$'\n'"$athena" "$(worker one.service whatever)"
cat >/run/systemd/system/from-file@.service <<END_OF_UNIT
[Service]
Type=oneshot
User=worker
LoadCredential=b:$run/credential.sock
ExecStart=/bin/sh -c 'cat \$CREDENTIALS_DIRECTORY/b'
StandardOutput=truncate:/tmp/from-file
END_OF_UNIT
systemctl daemon-reload
systemctl start from-file@x.service
ok "a unit file with it" "$b" "$(cat /tmp/from-file)"
systemctl stop bearerd.service
ok "bearerd is started for it" "*"$'\n'"eyJ*" "$(worker one.service)"

# --- who may have it

configure "allow_units = one.service, many@*.service"
ok "a unit that is named" "*"$'\n'"eyJ*" "$(worker one.service)"
ok "an instance of a template" "*"$'\n'"eyJ*" "$(worker many@7.service)"
ok "another unit does not start" "" "$(worker other.service)"
ok "... which the operator is told" \
  "*unit other.service gets no credential token, and does not start: token athena: its allow_units*" \
  "$(told)"
ok "... in fields, too" '*"BEARERD_UNIT":"other.service"*' \
  "$(journal json MESSAGE_ID=17a855775a924e47942d27b01ab65b4c -n 1)"
ok "... but it may have the other token" "*"$'\n'"eyJ*" "$(worker other.service b)"
cat >/run/systemd/system/refused.service <<END_OF_UNIT
[Service]
Type=exec
LoadCredential=token:$run/credential.sock
ExecStart=/bin/touch /tmp/has-started
END_OF_UNIT
systemctl daemon-reload
systemctl start refused.service 2>/dev/null
ok "its status is 243, CREDENTIALS" "243 exit-code" \
  "$(show refused.service ExecMainStatus) $(show refused.service Result)"
ok "... and nothing of it has run" "*No such file*" "$(ls /tmp/has-started 2>&1)"
systemctl reset-failed refused.service
for list in "allow_users = worker" "allow_groups = bearer"; do
  configure "$list"
  ok "$list: a unit is neither" "" "$(worker one.service)"
  ok "... and told so" "*token athena: it has allow_users or allow_groups*" "$(told)"
  configure "$list" "allow_units = one.service"
  ok "... also if it is named" "" "$(worker one.service)"
done
sed -i 's/^default = yes//' /etc/bearerd/bearerd.conf
reload
ok "no token of this name, and no default" "" "$(worker one.service)"
ok "... is told" "*no token is called so, and there is no default token*" "$(told)"

# --- no token to be had

configure
standin behave -d '{"what": "stall"}' >/dev/null
section athena | sed 's/localhost/LocalHost/' >/etc/bearerd/bearerd.conf # another URL: another token
reload
started=$SECONDS
ok "no token: the unit does not start" "" "$(worker one.service)"
took=$((SECONDS - started))
ok "... within 10 s" "in time" "$([ $took -ge 7 ] && [ $took -le 10 ] && echo in time || echo $took)"
ok "... and it is told" "*unit one.service gets no credential token*did not come in time*" "$(told)"

waits() {
  systemd-run --quiet --no-block --unit="$1" --property=Type=exec \
    --property="LoadCredential=token:$run/credential.sock" \
    --property="StandardOutput=truncate:/tmp/waits" -- /bin/sh -c 'cat $CREDENTIALS_DIRECTORY/token' 2>&1
}
waiting() { [[ $(ask /v1/tokens) == *"\"waiting\":$1,"* ]]; }
waits ended.service
until_ok 5 waiting 1
systemctl restart bearerd
until_ok 5 systemctl is-failed ended.service
ok "bearerd ends: who waits does not start with nothing" "243" "$(show ended.service ExecMainStatus)"
systemctl reset-failed ended.service
waits late.service
until_ok 5 waiting 1
section athena | sed 's/localhost/LocalHOST/' >/etc/bearerd/bearerd.conf
standin normal -X POST >/dev/null
reload
until_ok 8 test -s /tmp/waits
ok "who waits is given the token that comes" "eyJ*" "$(cat /tmp/waits)"

# --- who else comes there

cat >/tmp/intruder.py <<'END_OF_INTRUDER'
import socket, sys
one = socket.socket(socket.AF_UNIX)
if len(sys.argv) > 1:
    one.bind("\0" + sys.argv[1])
try:
    one.connect("/run/bearerd/credential.sock")
except OSError as why:
    sys.exit(f"{why.strerror}")
got = b""
try:
    while part := one.recv(65536):
        got += part
except ConnectionResetError:
    pass
print(len(got), "NULs" if got == bytes(len(got)) else got)
END_OF_INTRUDER
intruder() { /usr/bin/python3 /tmp/intruder.py "$@" 2>&1; }
address=9f/unit/one.service/token
size=$((1024 * 1024 + 256 * 1024))
ok "another user cannot connect" "Permission denied" \
  "$(as_worker /usr/bin/python3 /tmp/intruder.py $address 2>&1)"
chmod 0666 $run/credential.sock
ok "... and gets nothing where that is permitted" "0 NULs" \
  "$(as_worker /usr/bin/python3 /tmp/intruder.py $address 2>&1)"
chmod 0600 $run/credential.sock
ok "root with systemd's address, for comparison" "* b'eyJ*" "$(intruder $address)"
ok "root without an address gets more than systemd takes" "$size NULs" "$(intruder)"
ok "... with a strange one, too" "$size NULs" "$(intruder 9f/unit/one.service)"
ok "... and it is told" "*from an address that names no unit*" "$(journal cat -n 1)"
ok "bearerd is well" '{"access_token":*' "$(ask /v1/token)"
ok "nothing has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
