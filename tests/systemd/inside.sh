#!/bin/bash
# SPDX-License-Identifier: MIT
# inside - bearerd installed and run by a real systemd, as the README says. Runs in the throw-away
# system that with-systemd boots; prints TAP.
#
#   inside.sh SOURCE BUILD    BUILD is configured with --prefix=/usr
set -u
source=$1 build=$2
socket=/run/bearerd/token.sock
n=0 failed=0

# ok NAME PATTERN ACTUAL
ok() {
  n=$((n + 1))
  # shellcheck disable=SC2053 # a pattern it is
  if [[ $3 == $2 ]]; then
    echo "ok $n - $1"
  else
    failed=$((failed + 1))
    echo "not ok $n - $1"
    echo "# wanted $2, got ${3//$'\n'/ | }"
  fi
}
show() { systemctl show --value --property="$2" "$1"; }
# until_ok SECONDS COMMAND...: until it succeeds.
until_ok() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}
as_worker() { setpriv --reuid worker --regid worker --init-groups -- "$@"; }
ask() { as_worker curl -sS --max-time 10 --unix-socket $socket "http://localhost$1" 2>&1; }
generation() { ask /v1/token | sed -n 's/.*"generation":\([0-9]*\).*/\1/p'; }
journal() { journalctl --sync; journalctl --no-pager -o "$1" -u bearerd "${@:2}"; }
standin() { curl -sS --fail-with-body --unix-socket /tmp/standin/control.sock "http://standin/$@"; }

# --- install
meson install -C "$build" --no-rebuild >/dev/null
ldconfig
systemd-sysusers 2>/dev/null
ok "users and group" "bearerd bearerd-fetch bearer" \
  "$(id -un bearerd 2>&1) $(id -un bearerd-fetch 2>&1) $(getent group bearer | cut -d: -f1)"
systemctl daemon-reload
cd /
for unit in bearerd.service bearerd.socket bearerd-fetch.socket bearerd-fetch@.service; do
  ok "systemd-analyze verify $unit is silent" "" "$(systemd-analyze verify $unit 2>&1)"
done
ok "exposure of bearerd" 0 \
  "$(systemd-analyze security --threshold=6 bearerd.service >/dev/null 2>&1; echo $?)"
ok "exposure of bearerd-fetch" 0 \
  "$(systemd-analyze security --threshold=13 bearerd-fetch@x.service >/dev/null 2>&1; echo $?)"

# --- a token endpoint, and what the README says to write
/usr/bin/python3 "$source/tests/standin/standin.py" --directory /tmp/standin >/tmp/standin.out 2>&1 &
until_ok 20 grep -q ^ready /tmp/standin.out
url=$(sed -n 's/^ready //p' /tmp/standin.out)
install -m 0644 /tmp/standin/ca.pem /etc/bearerd/ca.pem
install -d -m 0700 /etc/credstore
secret='standin-secret/with+some=special&characters'
(umask 077
  printf %s 0oa-standin-client >/etc/credstore/athena.client_id
  printf %s "$secret" >/etc/credstore/athena.client_secret)
cat >/etc/bearerd/bearerd.conf <<END
[token athena]
token_url     = $url
scope         = athena/service/Athenanet.MDP.*
tls_ca_file   = /etc/bearerd/ca.pem
practice_id   = 195900
client_id     = credential:athena.client_id
client_secret = credential:athena.client_secret
basic_encoding = raw
requests_per_minute = 600
min_renewal_interval = 100ms
END
useradd --groups bearer worker
useradd stranger

# --- start
ok "enable --now" 0 \
  "$(systemctl enable --now bearerd.socket bearerd-fetch.socket bearerd.service 2>/dev/null; echo $?)"
ok "Type=notify: active when it serves" active "$(systemctl is-active bearerd)"
ok "a worker gets its token" '{"access_token":"eyJ*"practice_id":"195900"}' "$(ask /v1/token)"
ok "one request" 1 "$(standin 'count?on=token')"
ok "who is not in the group does not" "*Permission denied*" \
  "$(setpriv --reuid stranger --regid stranger --clear-groups \
    bearerctl get 2>&1)"
ok "STATUS=" "athena: valid until *, next renewal at *" "$(show bearerd StatusText)"
ok "sockets" "660 root bearer" "$(stat -c '%a %U %G' $socket)"
ok "its directory is root's" "755 root" "$(stat -c '%a %U' /run/bearerd)"

# --- the two sandboxes
pid=$(show bearerd MainPID)
ok "bearerd's user" bearerd "$(stat -c %U "/proc/$pid")"
ok "bearerd has no network of ours" other \
  "$([ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] && echo ours || echo other)"
ok "bearerd's user cannot read the credentials" "*Permission denied*" \
  "$(setpriv --reuid bearerd --regid bearerd --clear-groups cat /etc/credstore/athena.client_secret 2>&1)"
ok "no core dumps" "0 0" "$(sed -n 's/^Max core file size *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p' "/proc/$pid/limits")"

# --- the journal
ok "fields" '*"BEARERD_TOKEN":"athena"*' "$(journal json BEARERD_TOKEN=athena)"
ok "MESSAGE_ID" '*"MESSAGE_ID":"4960ad1483c940f2a74c8dd941ec87d8"*' \
  "$(journal json BEARERD_TOKEN=athena)"
ok "trusted fields" '*"_SYSTEMD_UNIT":"bearerd.service"*' "$(journal json BEARERD_TOKEN=athena)"

# --- rotation: a wrong secret leaves the token that there is; a right one is used without a restart
before=$(generation)
printf wrong >/etc/credstore/athena.client_secret
systemctl reload bearerd
until_ok 10 sh -c 'systemctl show --value -p StatusText bearerd | grep -q 401'
ok "a wrong secret is told in STATUS=" "*HTTP 401*" "$(show bearerd StatusText)"
ok "... and in the journal, with what to do" "*check client_id, client_secret*served the present token until*" \
  "$(journal cat -n 3)"
ok "... and the token is still served" "$before" "$(generation)"
printf %s "$secret" >/etc/credstore/athena.client_secret
systemctl reload bearerd
newer() { [ "$(generation)" -gt "$before" ]; }
until_ok 10 newer
ok "the right one is used at reload" newer "$(newer && echo newer)"
pid_then=$(show bearerd MainPID)
ok "without a restart" "$pid" "$pid_then"

# --- a reload with a wrong file
cp /etc/bearerd/bearerd.conf /etc/bearerd/good.conf
echo "nonsense = 1" >>/etc/bearerd/bearerd.conf
ok "a wrong file fails the reload" 1 "$(systemctl reload bearerd 2>/dev/null; echo $?)"
ok "... naming file and line" "*/etc/bearerd/bearerd.conf:11:*" "$(journal cat -n 4)"
ok "... and workers are served" '{"access_token":*' "$(ask /v1/token)"
mv /etc/bearerd/good.conf /etc/bearerd/bearerd.conf

# --- who connects while it is down waits and is answered
systemctl stop bearerd.service
ok "a worker's connection starts it" '{"access_token":*' "$(ask /v1/token)"
systemctl kill --signal=KILL bearerd.service
ok "SIGKILL: the next worker is answered" '{"access_token":*' "$(ask /v1/token)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"

# --- no secret and no token in the journal
token=$(ask /v1/token | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
journalctl --sync
ok "the journal has no secret" 0 "$(journalctl --no-pager -o verbose | grep -cF "$secret")"
ok "the journal has no token" 0 "$(journalctl --no-pager -o verbose | grep -cF "${token:0:200}")"

echo "1..$n"
[ $failed = 0 ]
