# SPDX-License-Identifier: MIT
# machine - a virtual machine with Debian's systemd and kernel, and this bearerd, all of it in memory.
# Sourced by each run that has one, with its argument BUILD; root, kernel and what the machine said on its
# console stay in BUILD/machine.
# shellcheck shell=bash
source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "$1")
work=$build/machine
suite=bookworm
# shellcheck source=tap.sh
. "$source/tests/tools/tap.sh"

cannot() { echo "run: $*" >&2; exit 125; }
can_have_machine() {
  local tool
  [ "$(id -u)" = 0 ] || cannot "must be run as root"
  for tool in qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap cpio:cpio; do
    type -P "${tool%:*}" >/dev/null || cannot "${tool#*:} is not installed"
  done
}
# What bearerd and the stand-in for the token endpoint need, and nothing that the kernel has as a
# module.
make_root() {
  [ ! -e "$work/root/init" ] || return 0
  local packages=ca-certificates,curl,dbus,iproute2,libcmocka0,libcurl4,libevent-core-2.1-7,libjose0
  packages+=,libjson-c5,libnss-systemd,openssl,passwd,procps,python3,systemd,util-linux-extra
  rm -rf "$work/root" &&
    mmdebstrap --variant=minbase --include=$packages --dpkgopt=force-unsafe-io \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      "$suite" "$work/root" >"$work/root.log" 2>&1 &&
    ln -s /lib/systemd/systemd "$work/root/init"
}
make_kernel() {
  [ ! -e "$work/vmlinuz" ] || return 0
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p') && [ "$package" ] &&
    rm -rf "$work/kernel" && mkdir "$work/kernel" && cd "$work/kernel" &&
    apt-get -qq -o APT::Sandbox::User=root download "$package" >&2 &&
    dpkg-deb --fsys-tarfile ./*.deb | tar --extract --wildcards './boot/vmlinuz*' &&
    mv boot/vmlinuz* "$work/vmlinuz" && rm -r "$work/kernel"
}
# make_system TEST FILE...: the root with this bearerd, FILEs of the build directory, and as the last
# thing of its boot TEST, which is run with SOURCE and BUILD.
make_system() {
  local system=$work/system
  rm -rf "$system" && cp --archive "$work/root" "$system"
  meson install -C "$build" --no-rebuild --destdir "$system" >"$work/install.log"
  mkdir "$system/srv/build"
  cp -r "$source/tests" "$system/srv"
  (cd "$build" && cp --parents "${@:2}" "$system/srv/build")
  cat >"$system/etc/systemd/system/machine-test.service" <<END_OF_UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/srv/$1 /srv /srv/build
StandardOutput=file:/dev/ttyS1
StandardError=inherit
Environment=BEARERD_IS_INSTALLED=yes
END_OF_UNIT
  (cd "$system" && find . -print0 | cpio --null --create --format=newc --quiet) >"$work/initrd"
  rm -r "$system"
}
# make_machine TEST FILE...
make_machine() {
  mkdir -p "$work"
  make_root || cannot "no root from mmdebstrap: see $work/root.log"
  (make_kernel) || cannot "Debian's kernel cannot be had"
  make_system "$@"
}
# run_machine SECONDS OPTION...: what TEST says. Options are qemu's; with q35, its clock wakes it at once
# from the second time on.
run_machine() {
  timeout --kill-after=10 "$1" qemu-system-x86_64 -machine pc "${@:2}" -cpu max -smp 2 -m 1G \
    -nodefaults -no-reboot -display none -chardev file,id=console,path="$work/console" \
    -serial chardev:console -serial stdio -kernel "$work/vmlinuz" -initrd "$work/initrd" -append \
    "console=ttyS0 no_console_suspend panic=-1 systemd.journald.forward_to_console systemd.show_status=no \
    systemd.getty_auto=no systemd.wants=machine-test.service" \
    </dev/null 2>"$work/qemu.log" | tr -d '\r'
}
