#!/bin/bash
# SPDX-License-Identifier: MIT
# A wrong configuration costs nobody anything, and is told.
. "$(dirname "$0")/lib.sh"

set_up
ok "a worker gets its token" '{"access_token":*' "$(ask /v1/token)"
cp /etc/bearerd/bearerd.conf /etc/bearerd/good.conf
echo "nonsense = 1" >>/etc/bearerd/bearerd.conf
ok "a wrong file fails the reload" 1 "$(systemctl reload bearerd 2>/dev/null; echo $?)"
ok "... naming file and line" "*/etc/bearerd/bearerd.conf:11:*" "$(journal cat -n 4)"
ok "... and workers are served" '{"access_token":*' "$(ask /v1/token)"
mv /etc/bearerd/good.conf /etc/bearerd/bearerd.conf
finish
