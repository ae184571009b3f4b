#!/bin/bash
# SPDX-License-Identifier: MIT
# README.md from "Install it as a service" to "Use it", its blocks in their order and to the letter, in
# a checkout. Of a reader's own there are an editor that writes by itself, the account bookadoc and a
# worker. One thing differs: the token is asked for at a stand-in, by two lines more of the configuration.
. "$(dirname "$0")/../systemd/lib.sh"

# blocks TITLE: the numbers of that section's indented blocks; what each says is in /tmp/blocks.
blocks() {
  mkdir -p /tmp/blocks
  awk -v title="## $1" -v n="$(find /tmp/blocks -type f | wc -l)" '
    /^## / { inside = $0 == title }
    inside && sub(/^    /, "") { if (!block) print block = ++n; print >("/tmp/blocks/" block); next }
    { block = 0 }' "$source/README.md"
}
# follow BLOCK COMMAND...: each line by COMMAND, with what it is continued by. What they say is in
# /tmp/said. (A comment is behind two spaces.)
follow() {
  local line
  while read -r line; do
    step "${line%%  *}" said "${@:2}" "$line"
  done < <(sed -e ':more' -e '/\\$/{N; s/\\\n *//; b more' -e '}' "/tmp/blocks/$1")
}
# shellcheck disable=SC2317 # reached by follow
said() {
  "$@" </dev/null 2>&1 | tee -a /tmp/said
  return "${PIPESTATUS[0]}"
}
# shellcheck disable=SC2317 # reached by follow
as_bookadoc() { runuser --login bookadoc --command "$1"; }

# What the reader has.
write_editor() {
  cat >/usr/local/bin/editor <<END_OF_EDITOR
#!/bin/sh
for file; do
  case \$file in
  *.client_id) echo '$client_id' ;;
  *.client_secret) echo '$client_secret' ;;
  esac >"\$file"
done
END_OF_EDITOR
  chmod +x /usr/local/bin/editor
}
write_worker() {
  cat >/home/bookadoc/worker <<END_OF_WORKER
#!/bin/sh
exec curl -sS -o /dev/null -w 'the API answered %{http_code}' --cacert /etc/bearerd/ca.pem \
  -H "Authorization: Bearer \$BEARER_TOKEN" ${url%/oauth2/*}/v1/195900/ping
END_OF_WORKER
  chmod +x /home/bookadoc/worker
}

mapfile -t install < <(blocks "Install it as a service")
ok "three blocks install it: what is built, its configuration, its start" 3 ${#install[@]}
follow "${install[0]}" bash -c

start_endpoint
useradd --create-home bookadoc
write_editor
write_worker
cat "/tmp/blocks/${install[1]}" - >/etc/bearerd/bearerd.conf <<END_OF_LINES
token_url   = $url
tls_ca_file = /etc/bearerd/ca.pem
END_OF_LINES
follow "${install[2]}" bash -c
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"

mapfile -t use < <(blocks "Use it")
ok "one block uses it" 1 ${#use[@]}
: >/tmp/said
follow "${use[0]}" as_bookadoc
ok "a worker gets the token" '*{"access_token":"eyJ*' "$(cat /tmp/said)"
ok "... and an API takes it" '*the API answered 200*' "$(cat /tmp/said)"
finish
