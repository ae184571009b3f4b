#!/bin/bash
# SPDX-License-Identifier: MIT
# What operators read: every kind of message, by its id and with its fields and its explanation;
# nothing in steady state; and never a secret or a token.
. "$(dirname "$0")/lib.sh"

conf=/etc/bearerd/bearerd.conf
catalog=$source/systemd/bearerd.catalog
number='+([0-9])'
shopt -s extglob

# --- reading the journal

# id KIND: its MESSAGE_ID.
id() { sed -n "s/^ *X($1, *\"\([0-9a-f]*\)\".*/\1/p" "$source/daemon/base/message.h"; }
# since TIME FORMAT [ARGUMENT...]: what came after it, of all programs.
since() { journalctl --sync && journalctl --no-pager -q -o "$2" --since="@$1" "${@:3}"; }
# fields KIND [ARGUMENT...]: of the last message of this kind since $from, a line for each field.
fields() {
  since "$from" export MESSAGE_ID="$(id "$1")" "${@:2}" |
    awk 'BEGIN { RS = "" } { last = $0 } END { print last }'
}
has_come() { [ -n "$(fields "$@")" ]; }
# told KIND PATTERN...: such a message comes, with fields as the globs PATTERN say, and is seen
# where operators look. $seen_by: how they do that.
told() {
  local kind=$1 all pattern
  until_ok 20 has_come "$kind" "${seen_by[@]}"
  all=$(fields "$kind" "${seen_by[@]}")
  ok "$kind is told" "*MESSAGE=*" "$all"
  for pattern in "${@:2}"; do
    ok "... with $pattern" "*"$'\n'"$pattern"$'\n'"*" $'\n'"$all"$'\n'
  done
  kinds_told+=("$kind")
}
kinds_told=()
of_bearerd=(-u bearerd) of_fetch=(-u 'bearerd-fetch@*')
# mark: from here on.
mark() { journalctl --sync && from=$(date +%s.%N); }
# drop_in UNIT TEXT: until no_drop_in UNIT.
drop_in() {
  mkdir -p "/etc/systemd/system/$1.d"
  printf '%b' "$2" >"/etc/systemd/system/$1.d/test.conf"
  systemctl daemon-reload
}
no_drop_in() {
  rm "/etc/systemd/system/$1.d/test.conf"
  systemctl daemon-reload
}
# elsewhere ARGUMENT...: a bearerd of its own, in a unit of its own.
elsewhere() { systemd-run --quiet --wait --unit=elsewhere --collect "$@" >/dev/null 2>&1; }

install_bearerd
ok "the catalog is taken without complaint" "" "$(journalctl --update-catalog 2>&1)"
ok "... whole" "$(grep -c '^-- ' "$catalog")" "$(journalctl --list-catalog | grep -c ' bearerd: ')"
mark
start_endpoint
configure_athena
enable_bearerd

# --- a token's life
seen_by=("${of_bearerd[@]}")
token=$(ask /v1/token | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
ok "the token is one" "eyJ*" "$token"
told SERVING PRIORITY=6 _SYSTEMD_UNIT=bearerd.service
told GRANTED PRIORITY=6 BEARERD_TOKEN=athena "BEARERD_GENERATION=$(generation)" "BEARERD_EXPIRES_AT=$number"
ok "journalctl BEARERD_TOKEN=" "*token athena: granted*" "$(since "$from" cat BEARERD_TOKEN=athena)"
ok "journalctl -x explains" "*Subject: Token athena was granted*Defined-By: bearerd*bearerctl status*" \
  "$(since "$from" short -x MESSAGE_ID="$(id GRANTED)")"

mark
reload
told RELOADED PRIORITY=6
ok "a reload says no more" "" "$(since "$from" cat _SYSTEMD_UNIT=bearerd.service _TRANSPORT=stdout)"

mark
standin next -d '{"status": 500}' >/dev/null
before=$(generation)
reload
told FAILED PRIORITY=4 BEARERD_TOKEN=athena "BEARERD_GENERATION=$before" "BEARERD_EXPIRES_AT=$number" \
  BEARERD_UPSTREAM_STATUS=500 BEARERD_FAILURES=1
told GRANTED

mark
put_credential athena.client_secret wrong
reload
told DENIED PRIORITY=3 BEARERD_TOKEN=athena "BEARERD_GENERATION=$number" "BEARERD_EXPIRES_AT=$number" \
  BEARERD_UPSTREAM_STATUS=401 BEARERD_UPSTREAM_ERROR=invalid_client BEARERD_FAILURES=1

mark
rm /etc/credstore/athena.client_secret
reload
told MISCONFIGURED PRIORITY=3 BEARERD_TOKEN=athena BEARERD_FAILURES=1 "BEARERD_EXPIRES_AT=$number" \
  'MESSAGE=token athena: nothing was sent: client_secret*it is not there*until*'
seen_by=("${of_fetch[@]}")
told FETCH_MISCONFIGURED PRIORITY=3 BEARERD_TOKEN=athena '_SYSTEMD_UNIT=bearerd-fetch@*.service' \
  'MESSAGE=token athena: client_secret*it is not there*'
seen_by=("${of_bearerd[@]}" "${of_fetch[@]}")
told FETCH_MISCONFIGURED
ok "... side by side" 2 "$(since "$from" cat "${seen_by[@]}" -p err | grep -c 'client_secret.*it is not there')"
ok "... without fields that have no value" 0 \
  "$(since "$from" export MESSAGE_ID="$(id MISCONFIGURED)" | grep -c ^BEARERD_UPSTREAM)"

# --- steady state: renewals and requests leave no line of anybody, but who has had what
mark
put_credential athena.client_secret "$client_secret"
# Renewed 2 s before its end: a busy machine can do that, too.
standin behave -d '{"expires_in": 8}' >/dev/null
reload
seen_by=("${of_bearerd[@]}")
told SHORT_LIVED PRIORITY=4 BEARERD_TOKEN=athena "BEARERD_GENERATION=$number"
renewals=$(($(requests) + 3))
more_renewals() { ask /v1/token && [ "$(requests)" -ge $renewals ]; }
mark
ok "renewals and requests" 0 "$(until_ok 90 more_renewals; echo $?)"
ok "leave the journal silent, PID 1's too, but for the audit" "" \
  "$(since "$from" json | grep -v "\"MESSAGE_ID\":\"$(id AUDIT_GIVEN)\"")"
told AUDIT_GIVEN PRIORITY=6 BEARERD_TOKEN=athena "BEARERD_GENERATION=$number" \
  "BEARERD_PEER_UID=$(command id -u worker)" "BEARERD_PEER_PID=$number" BEARERD_PEER_COMM=curl
records() { since "$from" export MESSAGE_ID="$(id AUDIT_GIVEN)" | sed -n 's/^BEARERD_GENERATION=//p'; }
ok "... which has one record for each generation" "[2-9] 0" \
  "$(records | wc -l) $(records | sort | uniq -d | wc -l)"

echo '[broker]
audit = none' >>$conf
reload
until_ok 10 status_says 'athena: valid until *, next renewal at *'
renewals=$(($(requests) + 2))
mark
ok "renewals and requests without an audit" 0 "$(until_ok 90 more_renewals; echo $?)"
ok "leave it silent altogether" "" "$(since "$from" short)"
sed -i 's/^audit = .*/audit = first/' $conf
reload

# Long enough for a failure to be known before the token expires.
before=$(generation)
standin behave -d '{"expires_in": 12}' >/dev/null
reload
ok "a token that lives longer" 0 "$(until_ok 10 is_newer_than "$before"; echo $?)"
mark
standin behave -d '{"status": 503}' >/dev/null
told EXPIRED PRIORITY=3 BEARERD_TOKEN=athena "BEARERD_GENERATION=$number" BEARERD_UPSTREAM_STATUS=503 \
  "BEARERD_FAILURES=$number"
ok "... without an end" 0 "$(since "$from" export MESSAGE_ID="$(id EXPIRED)" | grep -c ^BEARERD_EXPIRES_AT)"
standin normal -X POST >/dev/null
reload
told GRANTED

# --- who is refused
mark
sed -i '1a allow_users = root' $conf
reload
for _ in {1..13}; do ask /v1/tokens/athena; done >/dev/null
told AUDIT_REFUSED PRIORITY=4 BEARERD_TOKEN=athena BEARERD_REFUSAL=access_denied BEARERD_REFUSED_BY=allow_users \
  "BEARERD_PEER_UID=$(command id -u worker)" "BEARERD_PEER_PID=$number" BEARERD_PEER_COMM=curl
sed -i 's/^audit = .*/audit = none/; 2d' $conf
reload
told AUDIT_LEFT_OUT PRIORITY=4 BEARERD_LEFT_OUT=3 BEARERD_LEFT_OUT_OF=refused "BEARERD_PEER_UID=$(command id -u worker)"
sed -i '/^\[broker\]/,$d' $conf
reload

# --- units that ask by LoadCredential=
mark
echo 'allow_units = other.service' >>$conf
reload
elsewhere --property="LoadCredential=athena:$run/credential.sock" true
told UNIT_REFUSED PRIORITY=4 BEARERD_TOKEN=athena BEARERD_UNIT=elsewhere.service BEARERD_CREDENTIAL=athena
/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/bearerd/credential.sock")'
told UNIT_UNKNOWN PRIORITY=4
sed -i '$d' $conf
reload

# --- the configuration
cp $conf /etc/bearerd/good.conf
mark
sed -i '2s/.*/token_url = ftp:\/\/x/' $conf
kill -HUP "$(show bearerd MainPID)"
told CONFIG_MISTAKE PRIORITY=3 CONFIG_FILE=$conf CONFIG_LINE=2 "MESSAGE=$conf:2: *"
told NOT_RELOADED PRIORITY=3
mark
ok "who only checks is told, too" 1 "$(reload; echo $?)"
told CONFIG_MISTAKE CONFIG_LINE=2 _SYSTEMD_UNIT=bearerd.service
mark
systemctl restart bearerd
told UNCONFIGURED PRIORITY=3
mark
{ cat /etc/bearerd/good.conf; section other | sed 's/^token_url.*/token_url = http:\/\/127.0.0.1:1\//'; } >$conf
reload
told CONFIG_WARNING PRIORITY=4 CONFIG_FILE=$conf "CONFIG_LINE=$number"
mark
before=$(generation athena)
cp /etc/bearerd/good.conf $conf
reload
told RELOADED
ok "... and the token is renewed" 0 "$(until_ok 10 is_newer_than "$before" athena; echo $?)"

# --- what is kept over a restart
until_ok 10 status_says 'athena: valid until *, next renewal at *'
mark
between_lives memory damage
told DROPPED PRIORITY=4
mark
drop_in bearerd.service '[Service]\nEnvironment=BEARERD_BOOT_ID=none\n'
systemctl restart bearerd
told NOT_KEPT PRIORITY=4
no_drop_in bearerd.service

# --- what is in the way of the file of epochs
mark
rm $run/pub/epoch
mkdir $run/pub/epoch
systemctl restart bearerd
told NOT_PUBLISHED PRIORITY=4
ok "... and workers are served all the same" "{*" "$(ask /v1/token)"
rmdir $run/pub/epoch
systemctl restart bearerd

# --- what operators ask
mark
bearerctl refresh athena >/dev/null
told REFRESHED PRIORITY=6 BEARERD_TOKEN=athena BEARERD_PEER_UID=0 "BEARERD_PEER_PID=$number"

# --- what the system refuses for now
mark
drop_in bearerd.service '[Service]\nSystemCallFilter=~accept4\n'
systemctl restart bearerd
ask /v1/token >/dev/null || true
told STRAINED PRIORITY=4 ERRNO=1
no_drop_in bearerd.service
systemctl restart bearerd

# --- who comes too fast: all share one processor, so that little of it is bearerd's
mark
systemctl restart bearerd
taskset --cpu-list --pid 0 "$(show bearerd MainPID)" >/dev/null
for i in {1..8}; do
  systemd-run --quiet --unit="visits-$i" --property=CPUAffinity=0 --property=User=65534 \
    --property=Group=bearer /usr/bin/python3 -c "$visits"
done
told RUSH PRIORITY=4 BEARERD_PEER_UID=65534
ok "others get their token all the same" "eyJ*" "$(bearerctl get)"
systemctl stop 'visits-*'
systemctl restart bearerd

# --- bearerds that cannot start
mark
seen_by=() # who ends so soon may be gone before journald finds its unit
elsewhere bearerd --socket /nonexistent/token.sock
told CANNOT_LISTEN PRIORITY=3 ERRNO=2
elsewhere bearerd --nonsense
told WRONG_USAGE PRIORITY=3 'MESSAGE=--nonsense: *'
elsewhere --property='SystemCallFilter=~prctl' --property=SystemCallErrorNumber=EPERM bearerd
told CANNOT_GO_ON PRIORITY=3 ERRNO=1

# --- a certificate of the client that is good for two weeks at most
systemctl restart bearerd
mark
cp $conf /etc/bearerd/good.conf
put_credential athena.private_key "$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)"
openssl req -new -x509 -key /etc/credstore/athena.private_key -subj /CN=client -days 13 -out /etc/bearerd/client.pem
sed -i 's|^client_secret .*|client_auth = self_signed_tls_client_auth\nprivate_key = credential:athena.private_key\nclient_certificate = file:/etc/bearerd/client.pem|
  /^basic_encoding/d' $conf
seen_by=("${of_fetch[@]}")
reload
told FETCH_EXPIRING PRIORITY=4 BEARERD_TOKEN=athena '_SYSTEMD_UNIT=bearerd-fetch@*.service' \
  'MESSAGE=token athena: client_certificate expires in 1[23] days: *'
cp /etc/bearerd/good.conf $conf
reload

# --- an issuer that names no endpoint any more
systemctl restart bearerd
mark
url=$(sed -n 's/^token_url *= //p' $conf)
issuer=${url%/oauth2/v1/token}
known=/var/cache/bearerd-fetch/athena.discovery
printf '%s/.well-known/openid-configuration\n{"issuer":"%s","token_endpoint":"%s"}' "$issuer" "$issuer" "$url" >$known
chown bearerd-fetch $known && chmod 600 $known && touch --date='2 days ago' $known
sed -i "s|^token_url .*|issuer = $issuer|" $conf
seen_by=("${of_fetch[@]}")
reload
told FETCH_OUTDATED PRIORITY=4 BEARERD_TOKEN=athena '_SYSTEMD_UNIT=bearerd-fetch@*.service' \
  'MESSAGE=token athena: the issuer names no endpoint, the one before is used: *HTTP 404: *'
cp /etc/bearerd/good.conf $conf
reload

# --- bearerd-fetch and who talks to it
systemctl restart bearerd
mark
seen_by=("${of_fetch[@]}")
/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/bearerd/fetch.sock")'
told FETCH_NOT_ASKED PRIORITY=4 "ERRNO=$number"
mark
drop_in bearerd-fetch@.service '[Service]\nSystemCallFilter=~sendto\n'
reload
told FETCH_NOT_HEARD PRIORITY=4 BEARERD_TOKEN=athena ERRNO=1
no_drop_in bearerd-fetch@.service

# --- what PID 1 says of a fetch that it cannot start
mark
drop_in bearerd-fetch@.service '[Service]\nLoadCredential=none:/nonexistent\n'
reload
failed_by_systemd() { since "$from" cat "${of_fetch[@]}" | grep -q "Failed with result 'exit-code'"; }
ok "PID 1 tells of what it cannot start" 0 "$(until_ok 15 failed_by_systemd; echo $?)"
no_drop_in bearerd-fetch@.service
reload

# --- journald hangs
fill_journal() {
  /usr/bin/python3 - <<'END'
import socket
for _ in range(100):    # each sender has room of its own besides
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        try:
            while True:
                sender.sendto(b"MESSAGE=filling\n", "/run/systemd/journal/socket")
        except BlockingIOError:
            pass
END
}
seen_by=("${of_bearerd[@]}")
systemctl restart bearerd
ok "a token, before" '{"access_token":*' "$(ask /v1/token)"
mark
systemctl kill --signal=STOP systemd-journald
fill_journal
for each in 1 2 3; do
  ok "nobody waits for a journal that hangs: answer $each" '{"access_token":*' \
    "$(ask /v1/token)"
  ok "... and the operator's $each" 0 "$(timeout 3 bearerctl refresh >/dev/null 2>&1; echo $?)"
done
systemctl kill --signal=CONT systemd-journald
journalctl --sync
bearerctl refresh >/dev/null
told LOST PRIORITY=4 'MESSAGE=[1-9]* message(s) before this one are lost: nobody took them'

# --- all of them
ok "every kind was told" "$(sed -n 's/^ *X(\([A-Z_]*\),.*/\1/p' "$source/daemon/base/message.h" | sort | xargs)" \
  "$(printf '%s\n' "${kinds_told[@]}" | sort -u | xargs)"
journalctl --sync
ok "each message of ours has an id" 0 \
  "$(journalctl -q --no-pager -o json _COMM=bearerd _COMM=bearerd-fetch | grep -vc '"MESSAGE_ID":')"
ok "... and an explanation" 0 \
  "$(journalctl -q --no-pager -x _COMM=bearerd _COMM=bearerd-fetch | awk '
    / (bearerd|bearerd-fetch)\[[0-9]+\]: / { n += waits; waits = 1 } /Defined-By: bearerd/ { waits = 0 } END { print n + waits + 0 }')"
everything() { journalctl -q --no-pager -o verbose --all; }
ok "the journal has no secret" 0 "$(everything | grep -cF "$client_secret")"
ok "the journal has no token" 0 "$(everything | grep -cF "${token:0:200}")"
finish
