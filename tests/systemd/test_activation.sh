#!/bin/bash
# SPDX-License-Identifier: MIT
# The sockets are systemd's: who connects while bearerd is down waits, and is answered.
. "$(dirname "$0")/lib.sh"

set_up
systemctl stop bearerd.service
ok "a worker's connection starts it" '{"access_token":*' "$(ask /v1/token)"
systemctl kill --signal=KILL bearerd.service
ok "SIGKILL: the next worker is answered" '{"access_token":*' "$(ask /v1/token)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
