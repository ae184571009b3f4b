#!/bin/bash
# SPDX-License-Identifier: MIT
# Installed and started as the README says; then a worker gets its token.
. "$(dirname "$0")/lib.sh"

install_bearerd
ok "users and group" "bearerd bearerd-fetch bearer" \
  "$(id -un bearerd 2>&1) $(id -un bearerd-fetch 2>&1) $(getent group bearer | cut -d: -f1)"
for file in "$source"/systemd/bearerd*.in "$source/systemd/bearerd.slice"; do
  unit=$(basename "$file" .in)
  ok "systemd-analyze verify $unit is silent" "" "$(systemd-analyze verify "$unit" 2>&1)"
  guide=$(show "${unit/@./@x.}" Documentation)
  ok "... and its guide is there" "*file:///*" "$(test -s "${guide##*file://}" && echo "$guide")"
done
start_endpoint
configure_athena
enable_bearerd
ok "enable --now" 0 $?
ok "... enables its sockets, too" "enabled enabled enabled enabled enabled" \
  "$(systemctl is-enabled bearerd.service bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket | xargs)"
ok "Type=notify: active when it serves" active "$(systemctl is-active bearerd)"
ok "... and is watched" 30s "$(show bearerd WatchdogUSec)"
ok "a fetch that hangs is ended" "5min 30s" "$(show bearerd-fetch@x.service RuntimeMaxUSec)"
ok "a worker gets its token" '{"access_token":"eyJ*"practice_id":"195900",*}' "$(ask /v1/token)"
ok "one request" 1 "$(requests)"
ok "who is not in the group does not" "*Permission denied*" "$(as_stranger bearerctl get 2>&1)"
ok "a worker's unit gets it" 0 "$(systemd-run --quiet --wait --pipe --uid=worker bearerctl get \
  >/tmp/token 2>&1; echo $?)"
ok "... whole" "eyJ*" "$(cat /tmp/token)"
ok "STATUS=" "athena: valid until *, next renewal at *" "$(show bearerd StatusText)"
ok "sockets" "660 root bearer" "$(stat -c '%a %U %G' $socket)"
ok "their directory is root's" "755 root" "$(stat -c '%a %U' $run)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
