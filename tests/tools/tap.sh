# SPDX-License-Identifier: MIT
# tap - how tests in shell say what they found: TAP. To be sourced.
# shellcheck shell=bash
n=0 failed=0

# ok NAME PATTERN ACTUAL: ACTUAL is what the glob PATTERN says.
ok() {
  n=$((n + 1))
  # shellcheck disable=SC2053 # a pattern it is
  if [[ $3 == $2 ]]; then
    echo "ok $n - $1"
  else
    failed=$((failed + 1))
    echo "not ok $n - $1"
    echo "# wanted $2, got ${3//$'\n'/ | }"
  fi
}
# passes NAME COMMAND...: it succeeds. What it has to say is shown if it does not. Within a function
# that is called so, "set -e" has no effect: its commands are joined by "&&".
passes() {
  local said r=0
  said=$("${@:2}" 2>&1) || r=$?
  ok "$1" 0 $r
  [ $r = 0 ] || note "$(tail -n 60 <<<"$said")"
  return $r
}
# step NAME COMMAND...: the same, of what all else depends on.
step() { passes "$@" || { finish; exit 1; }; }
note() {
  local text=$*
  echo "# ${text//$'\n'/$'\n'# }"
}
# The last line of every test.
finish() {
  echo "1..$n"
  [ $failed = 0 ]
}

# whole NAME: passes TAP on. Fails, and says so, if a test failed or the end is missing.
whole() {
  awk '{ print } /^not ok/ { bad = 1 } /^1\.\./ { ended = 1 }
    END { if (!ended) print "not ok - " name " came to its end"; exit bad || !ended }' name="$1"
}
