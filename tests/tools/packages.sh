# SPDX-License-Identifier: MIT
# packages - installs what is missing of Debian's packages. To be sourced.
# shellcheck shell=bash disable=SC2034 # used by those who source it

# need PACKAGE...: as root, or with sudo. Another apt that is at it, as on a new machine, is waited for.
need() {
  local missing=() package as_root=()
  for package; do
    dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null |
      grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "missing: ${missing[*]}; run this as root once, or install sudo" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    "${missing[@]}" >/dev/null
}

# promtool_in DIRECTORY: the path of a promtool; if there is none, it is taken out of Debian's package
# prometheus into DIRECTORY. That package itself is not installed: it would start a server.
promtool_in() {
  type -P promtool && return
  if [ ! -x "$1/promtool" ]; then
    rm -rf "$1/package"
    mkdir -p "$1/package" &&
      (cd "$1/package" && apt-get -qq -o APT::Sandbox::User=root download prometheus) >&2 &&
      dpkg-deb --fsys-tarfile "$1"/package/*.deb |
      tar --extract --directory="$1/package" ./usr/bin/promtool &&
      mv "$1/package/usr/bin/promtool" "$1" && rm -r "$1/package" || return 1
  fi
  echo "$1/promtool"
}

# What building takes.
build_packages=(dpkg-dev gcc libc6-dev libcurl4-openssl-dev libevent-dev libjose-dev libjson-c-dev
  libssl-dev libsystemd-dev meson ninja-build pkg-config)
# What running the stand-in for the token endpoint takes besides.
standin_packages=(ca-certificates openssl python3)
