#!/bin/bash
# SPDX-License-Identifier: MIT
# What operators read: fields, message ids, and never a secret or a token.
. "$(dirname "$0")/lib.sh"

set_up
token=$(ask /v1/token | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
ok "fields" '*"BEARERD_TOKEN":"athena"*' "$(journal json BEARERD_TOKEN=athena)"
ok "MESSAGE_ID" '*"MESSAGE_ID":"4960ad1483c940f2a74c8dd941ec87d8"*' \
  "$(journal json BEARERD_TOKEN=athena)"
ok "trusted fields" '*"_SYSTEMD_UNIT":"bearerd.service"*' "$(journal json BEARERD_TOKEN=athena)"

journalctl --sync
ok "the token is one" "eyJ*" "$token"
ok "the journal has no secret" 0 "$(journalctl --no-pager -o verbose | grep -cF "$client_secret")"
ok "the journal has no token" 0 "$(journalctl --no-pager -o verbose | grep -cF "${token:0:200}")"
finish
