#!/bin/bash
# SPDX-License-Identifier: MIT
# Booted without a network, bearerd is there at once, and has a token as soon as it can be had.
. "$(dirname "$0")/lib.sh"

install_bearerd
start_endpoint
configure_athena
# Without an interface nobody answers, not even to refuse.
sed -i '/^\[token/a connect_timeout = 500ms\nretry_min = 100ms\nretry_max = 500ms' /etc/bearerd/bearerd.conf
ip link set lo down

enable_bearerd
ok "it is ready" active "$(systemctl is-active bearerd)"
ok "... waiting for nothing that has to do with the network" 0 \
  "$(systemctl show --property=After,Requires,Wants bearerd.service bearerd.socket bearerd-credential.socket bearerd-control.socket \
    bearerd-fetch.socket | grep -c network)"
ok "it says what is missing" 0 "$(until_ok 10 status_says 'athena: no valid token, *; last: *onnect*'; echo $?)"
ok "nothing has reached the endpoint" 0 "$(requests)"
ok "a worker is told in its time" '{"error":"temporarily_unavailable"*' "$(ask '/v1/token?wait=1')"
ask '/v1/token?wait=20' >/tmp/answer &
ip link set lo up
ok "with the network comes the token" 0 "$(until_ok 20 status_says 'athena: valid until *'; echo $?)"
wait $!
ok "... for who waited, too" '{"access_token":*' "$(cat /tmp/answer)"
ok "one request was enough" 1 "$(requests)"
ok "it is the same process" 0 "$(show bearerd NRestarts)"
finish
