#!/bin/bash
# SPDX-License-Identifier: MIT
# What depends on the kernel: the unit tests of peers and their descriptors; the latter in a whole
# system; and that nobody is taken for a unit where the kernel cannot tell. Run in the machine of ./run.
. "$(dirname "$0")/../systemd/lib.sh"

note "Linux $(uname -r)"
for program in "$build"/tests/unit/test_*; do
  passes "${program##*/}" timeout 120 "$program"
done
passes "test_rights.sh" "$source/tests/systemd/test_rights.sh" "$source" "$build"

# Of Linux 6.5 (SO_PEERPIDFD).
echo "allow_units = *" >>/etc/bearerd/bearerd.conf
reload
ok "who asks for a token that is for units is refused" '*"access_denied"*' \
  "$(systemd-run --quiet --wait --pipe --collect --uid=worker --unit=worker.service -- \
    curl -sS --max-time 10 --unix-socket $socket http://localhost/v1/token 2>&1)"
ok "... and the operator is told why" "*but this kernel does not tell who connects*Linux 6.5*" "$(journal cat)"
finish
