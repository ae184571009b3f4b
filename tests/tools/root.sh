# SPDX-License-Identifier: MIT
# root - a clean Debian that a test makes once, and keeps. To be sourced.
# shellcheck shell=bash

# alone_in DIRECTORY: it is made if need be; two runs of one build come one after the other.
alone_in() {
  mkdir -p "$1"
  exec {lock}>"$1/lock"
  flock "$lock"
}
# clean_root DIRECTORY ARGUMENT...: DIRECTORY/root is what mmdebstrap makes of these, if it is not yet.
clean_root() {
  local wanted=${*:2}
  [ "$(cat "$1/root.of" 2>/dev/null)" != "$wanted" ] || return 0
  rm -rf "$1/root" "$1/root.of" &&
    mmdebstrap "${@:2}" "$1/root" &&
    echo "$wanted" >"$1/root.of"
}
