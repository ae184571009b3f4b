#!/bin/bash
# SPDX-License-Identifier: MIT
# Where credentials come from, what happens without them, and how they are rotated.
. "$(dirname "$0")/lib.sh"

set_up
pid=$(show bearerd MainPID)

# --- rotation: a wrong secret leaves the token that there is; a right one is used without a restart
before=$(generation)
put_credential athena.client_secret wrong
systemctl reload bearerd
until_ok 10 status_says '*401*'
ok "a wrong secret is told in STATUS=" "*HTTP 401*" "$(show bearerd StatusText)"
ok "... and in the journal, with what to do" "*check client_id, client_secret*served the present token until*" \
  "$(journal cat -n 3)"
ok "... and the token is still served" "$before" "$(generation)"
put_credential athena.client_secret "$client_secret"
systemctl reload bearerd
newer() { [ "$(generation)" -gt "$before" ]; }
until_ok 10 newer
ok "the right one is used at reload" newer "$(newer && echo newer)"
ok "without a restart" "$pid" "$(show bearerd MainPID)"
finish
