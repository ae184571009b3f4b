#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian packages in a booted system: installed, configured, upgraded under busy workers, removed
# and purged. SOURCE BUILD PACKAGES VERSION NEXT: the packages of VERSION are in PACKAGES/now, those of
# the NEXT one in PACKAGES/next.
. "$(dirname "$0")/../systemd/lib.sh"
packages=$3 version=$4 next=$5
units=(bearerd.service bearerd.socket bearerd-credential.socket bearerd-control.socket
  bearerd-fetch.socket)
sockets=("${units[@]:1}")
names=(bearerd libbearer0 libbearer-dev)

# What a container's image has put in the way of packages: nothing is started, no pages are unpacked.
# And what takes long at each change: an index of all manual pages of the host.
rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/docker*
rm -f /var/lib/man-db/auto-update

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q --yes "$@" >/tmp/apt.log 2>&1; }
# install now|next
install_packages() {
  local name files=()
  for name in "${names[@]}"; do
    files+=("$(echo "$packages/$1/${name}"_*.deb)")
  done
  apt install --no-install-recommends --allow-downgrades "${files[@]}" ||
    { note "$(cat /tmp/apt.log)"; return 1; }
}
installed() { dpkg-query --show --showformat='${db:Status-Abbrev}${Version}|' "${names[@]}" 2>&1; }
states() { systemctl is-active "${units[@]}" | xargs; }
# All files of the system but those that change by themselves.
files() {
  find /bin/ /boot /etc /lib/ /lib64/ /opt /sbin/ /srv /usr /var -xdev \
    \( -path /var/log -o -path /var/cache -o -path /var/tmp -o -path /etc/credstore \) -prune -o -print | sort
  find /run -xdev -name '*bearer*' | sort
}
since_when() { systemctl show --property=ActiveEnterTimestampMonotonic "${sockets[@]}" | xargs; }

# --- from nothing
ok "there is no bearerd" "" "$(command -v bearerd bearerctl; ls -d /etc/bearerd 2>/dev/null)"
useradd worker
useradd stranger
install_packages now && apt purge "${names[@]}" # accounts stay, which is all that a purge leaves
files >/tmp/files.before
ok "installed" 0 "$(install_packages now; echo $?)"
ok "... in this version" "ii $version|ii $version|ii $version|" "$(installed)"
ok "... and says what is to be done" "*systemctl start bearerd*" "$(cat /tmp/apt.log)"
ok "users and group" "bearerd bearerd-fetch bearer" \
  "$(id -un bearerd) $(id -un bearerd-fetch) $(getent group bearer | cut -d: -f1)"
ok "enabled" "enabled enabled enabled enabled enabled" "$(systemctl is-enabled "${units[@]}" | xargs)"
ok "not started, for there is no configuration" "inactive inactive inactive inactive inactive" "$(states)"
ok "the manual is there" "/usr/share/man/man8/bearerd.8.gz" "$(man -w bearerd 2>&1)"
ok "... of each function" "/usr/share/man/man3/bearer_get.3.gz" "$(man -w 3 bearer_renew 2>&1)"
ok "the guide that units name is there" 0 "$(test -s /usr/share/doc/bearerd/operating.md; echo $?)"
ok "the alert rules are there" 0 "$(test -s /usr/share/doc/bearerd/monitoring/bearerd-alerts.yaml; echo $?)"
ok "the journal's catalog knows bearerd" "*bearerd*" \
  "$(journalctl --list-catalog 7eb59225144d4c3a91017ec89a26a7a9 2>&1)"
for unit in "${units[@]}"; do
  ok "systemd-analyze verify $unit is silent" "" "$(systemd-analyze verify "$unit" 2>&1)"
done

# --- configured
start_endpoint
configure_athena
usermod --append --groups bearer worker
systemctl start bearerd
ok "started" "active active active active active" "$(states)"
ok "a worker gets its token" '{"access_token":"eyJ*' "$(ask /v1/token)"
ok "one request" 1 "$(requests)"
cd /tmp || exit 1
# shellcheck disable=SC2046 # words
ok "the example builds with what libbearer-dev has" 0 "$(cc -o worker-example \
  /usr/share/doc/libbearer-dev/examples/worker.c $(pkg-config --cflags --libs libbearer) 2>&1; echo $?)"
ok "... and works" "*the API answered 200" "$(as_worker timeout 30 ./worker-example 2>&1)"

# --- upgraded, with fifty workers by the library, and one that connects for each request
# shellcheck disable=SC2046 # words
cc -o busy "$source/tests/systemd/workers.c" $(pkg-config --cflags --libs libbearer)
setpriv --reuid worker --regid worker --init-groups ./busy 50 5000 >busy.out 2>&1 &
busy=$!
: >connecting.stop.not
(
  answers=0 failures=0
  while [ -e connecting.stop.not ]; do
    [[ $(ask /v1/token) == *access_token* ]] && answers=$((answers + 1)) || failures=$((failures + 1))
  done
  echo "answers=$answers failures=$failures"
) >connecting.out &
connecting=$!
pid=$(show bearerd MainPID) made=$(since_when) before=$(generation)
sleep 0.5
ok "upgraded" 0 "$(install_packages next; echo $?)"
sleep 0.5
rm connecting.stop.not
wait $connecting
kill -TERM $busy
wait $busy
ok "... to the next version" "ii $next|ii $next|ii $next|" "$(installed)"
ok "... which runs" "0 bearerd ${next%-*}" "$(is_another "$pid"; echo $?) $(bearerd --version)"
ok "... from the new file" /usr/bin/bearerd "$(readlink "/proc/$(show bearerd MainPID)/exe")"
ok "no worker noticed" "workers=50 answers=* failures=0 backwards=0 generations=1 *" "$(cat busy.out)"
note "$(cat busy.out)"
ok "... nor who connects each time" "answers=[1-9]* failures=0" "$(cat connecting.out)"
note "$(cat connecting.out)"
ok "the sockets are those that there were" "$made" "$(since_when)"
ok "the token is the same" "$before 1" "$(generation) $(requests)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"

# --- what an operator has stopped stays so
systemctl stop "${units[@]}"
ok "another upgrade" 0 "$(install_packages now; echo $?)"
ok "... starts nothing" "inactive inactive inactive inactive inactive" "$(states)"
systemctl disable "${units[@]}" 2>/dev/null
install_packages next
ok "... and enables nothing" "disabled disabled disabled disabled disabled" \
  "$(systemctl is-enabled "${units[@]}" | xargs)"
systemctl enable --now bearerd 2>/dev/null

# --- removed
ok "removed" 0 "$(apt remove "${names[@]}"; echo $?)"
ok "nothing of it runs" "" "$(pgrep -l bearerd)"
ok "... and no unit of it is there" "" "$(systemctl list-unit-files --no-legend 'bearerd*')"
ok "its sockets are gone" "" "$(ls -d /run/bearerd 2>/dev/null)"
ok "the configuration stays" 0 "$(test -s /etc/bearerd/bearerd.conf; echo $?)"
ok "installed again" 0 "$(install_packages now; echo $?)"
ok "... it is started, for it is configured" "active active active active active" "$(states)"
ok "... and serves" '{"access_token":"eyJ*' "$(ask /v1/token)"

# --- purged
cache=/var/cache/bearerd-fetch
ok "there is a place for what issuers say" $cache "$(ls -d $cache)"
ok "purged" 0 "$(apt purge "${names[@]}"; echo $?)"
files >/tmp/files.after
ok "nothing is left" "" "$(diff /tmp/files.before /tmp/files.after; ls -d $cache 2>/dev/null)"
ok "... but the accounts, and what is in the credential store" "bearerd ./athena.client_id" \
  "$(id -un bearerd) $(cd /etc/credstore && echo ./*.client_id)"
finish
