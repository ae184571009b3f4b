#!/bin/bash
# SPDX-License-Identifier: MIT
# The commands of docs/containers.md by podman, in a booted system, as root. SOURCE BUILD IMAGE: an archive
# of the image bearerd.
. "$(dirname "$0")/../systemd/lib.sh"
image=$3

# A file system that overlays can be on, and no more than this host permits: crun wants CAP_SYS_RESOURCE,
# and runc the controller of what it is to limit. The token endpoint is at the loopback.
set_up_podman() {
  mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers || return
  {
    echo '[containers]'
    echo "default_ulimits = [\"nofile=$(ulimit -Hn):$(ulimit -Hn)\", \"nproc=4096:4096\"]"
    echo 'netns = "host"'
    [[ $controllers == *" pids "* ]] || echo 'pids_limit = 0'
    printf '[engine]\nruntime = "runc"\n'
  } >/etc/containers/containers.conf
  mkdir /tmp/worker && cd /tmp/worker || return
  cat >Containerfile <<'END_OF_FILE'
FROM localhost/bearerd
USER 1234
ENTRYPOINT ["bearerctl"]
CMD ["get"]
END_OF_FILE
  podman load --quiet --input "$image" && podman build --quiet --tag worker .
}
# said COMMAND...: all that it says, and its status.
said() {
  local r=0
  "$@" 2>&1 || r=$?
  echo "status $r"
}
given='eyJ*status 0' kept_out='*status 77'

# --- workers in containers, bearerd on the host

set_up
controllers=" $(cat /sys/fs/cgroup/cgroup.controllers) "
passes "images" set_up_podman || { finish; exit 1; }
ok "a worker gets the host's token" "$given" "$(said podman run --rm \
  --volume /run/bearerd:/run/bearerd:ro --group-add "$(getent group bearer | cut -d: -f3)" worker)"
on_host=(--volume /run/bearerd:/run/bearerd:ro --group-add "$(getent group bearer | cut -d: -f3)")
ok "... and not without the group" "$kept_out" \
  "$(said podman run --rm --volume /run/bearerd:/run/bearerd:ro worker)"
ok "the file of epochs is there" "bearerd1*" \
  "$(podman run --rm "${on_host[@]}" --entrypoint head worker -c 8 /run/bearerd/pub/epoch 2>&1)"

podman run --detach --name directory "${on_host[@]}" --entrypoint sleep worker 600 >/dev/null
podman run --detach --name socket --volume /run/bearerd/token.sock:/run/bearerd/token.sock "${on_host[@]:2}" \
  --entrypoint sleep worker 600 >/dev/null
ok "by a mount of the socket, too" "$given" "$(said podman exec socket bearerctl get)"
systemctl restart bearerd.socket
ok "a new socket is seen by the directory" "$given" "$(said podman exec directory bearerctl get)"
ok "... and not by the socket" "*status 69" "$(said podman exec socket bearerctl get)"
podman rm --force --time 0 directory socket >/dev/null

# allow LINE: what the token's section has besides, from now on.
allow() {
  section athena >/etc/bearerd/bearerd.conf
  echo "$1" >>/etc/bearerd/bearerd.conf
  reload
}
allow 'allow_units = libpod-*.scope'
ok "its unit is the engine's scope" "$given" "$(said podman run --rm "${on_host[@]}" worker)"
split=(systemd-run --quiet --wait --pipe --collect --unit=shop -- podman run --rm --cgroups=split)
ok "... and with --cgroups=split another one" "$kept_out" "$(said "${split[@]}" "${on_host[@]}" worker)"
allow 'allow_units = shop.service'
ok "... which is the service" "$given" "$(said "${split[@]}" "${on_host[@]}" worker)"
allow 'allow_users = worker'
ok "a user is told by the number" "$kept_out" "$(said podman run --rm "${on_host[@]}" worker)"
ok "... which the host knows" "$given" \
  "$(said podman run --rm "${on_host[@]}" --user "$(id -u worker)" worker)"
allow 'allow_users = root'
ok "without a user namespace root is root" "$given" "$(said podman run --rm "${on_host[@]}" --user 0 worker)"
# A proc or sysfs of its own, a user namespace may mount where there is a whole one: here both are in part
# read-only.
mkdir /tmp/proc /tmp/sys && mount -t proc proc /tmp/proc && mount -t sysfs sysfs /tmp/sys
echo containers:100000:200000 | tee -a /etc/subuid >>/etc/subgid
auto=(podman run --rm --userns=auto --network none "${on_host[@]}" --user 0 worker)
ok "in one of its own it is not in the group" "$kept_out" "$(said "${auto[@]}")"
chmod 0666 $socket
ok "... nor root" "*allow_users*status 77" "$(said "${auto[@]}")"
ok "... but the first of its range" "*100000*" \
  "$(journal export MESSAGE_ID=66d413776bd749408b495ec29727d414 | sed -n 's/^BEARERD_PEER_UID=//p' | tail -n 1)"
allow 'allow_units = libpod-*.scope'
ok "... and of the engine's scope" "$given" "$(said "${auto[@]}")"

mkdir -p /etc/systemd/system/bearerd.socket.d
printf '[Socket]\nListenStream=/run/bearerd-shop/token.sock\n' >/etc/systemd/system/bearerd.socket.d/override.conf
systemctl daemon-reload # as "systemctl edit" does
systemctl restart bearerd.socket
section athena >/etc/bearerd/bearerd.conf
reload
shop=(podman run --rm --volume /run/bearerd-shop:/run/bearerd:ro --group-add "${on_host[3]}")
ok "a directory of its own" "$given" "$(said "${shop[@]}" worker)"
ok "... has nothing else" "token.sock?status 0" "$(said "${shop[@]}" --entrypoint ls worker /run/bearerd)"

# --- bearerd in a container

systemctl stop bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket bearerd.service
memory=(--memory 128m --memory-swap 128m)
[[ $controllers == *" memory "* ]] || {
  memory=()
  note "no controller for memory on this host: --memory and --memory-swap are not tried"
}
endpoint=(--env BEARERD_TOKEN_URL="$url" --env BEARERD_TLS_CA_FILE=/ca.pem --volume /etc/bearerd/ca.pem:/ca.pem:ro)
printf %s $client_id | podman secret create athena.client_id - >/dev/null
printf %s "$client_secret" | podman secret create athena.client_secret - >/dev/null
ok "bearerd" "*status 0" "$(said podman run --detach --name bearerd --volume bearerd:/run/bearerd "${memory[@]}" \
  --secret athena.client_id,type=env,target=BEARERD_CLIENT_ID \
  --secret athena.client_secret,type=env,target=BEARERD_CLIENT_SECRET \
  "${endpoint[@]}" \
  --env BEARERD_PROVIDER=athenahealth --env BEARERD_PRACTICE_ID=195900 bearerd)"
beside=(podman run --rm --volume bearerd:/run/bearerd:ro --group-add 990 worker)
ok "a worker gets its token" "$given" "$(said "${beside[@]}")"
ok "... of this practice" '*"practice_id":"195900"*' "$(said "${beside[@]}" get --json)"
ok "... not without the group" "$kept_out" "$(said podman run --rm --volume bearerd:/run/bearerd:ro worker)"
ok "bearerctl inside" "*default*status 0" "$(said podman exec bearerd bearerctl status)"
ok "nothing has been told that should not" "" "$(podman logs bearerd 2>&1 | grep -F -e "$client_secret" -e eyJ)"
ok "ended in an orderly way" "0" "$(podman stop bearerd >/dev/null; podman inspect --format '{{.State.ExitCode}}' bearerd)"
podman start bearerd >/dev/null
ok "begun anew" "$given" "$(said "${beside[@]}")"
podman rm --force bearerd >/dev/null

# By files, on a file system that is read-only, and with the host's processes.
mkdir /tmp/conf
sed '/^client/d; s,/etc/bearerd/ca.pem,/ca.pem,' <(section athena) >/tmp/conf/bearerd.conf
cat >>/tmp/conf/bearerd.conf <<'END_OF_CONF'
client_id     = file:/run/secrets/athena.client_id
client_secret = file:/run/secrets/athena.client_secret
allow_units   = libpod-*.scope
END_OF_CONF
ok "bearerd by a file" "*status 0" "$(said podman run --detach --name bearerd --volume bearerd:/run/bearerd \
  --secret athena.client_id,uid=990,gid=990,mode=0600 --secret athena.client_secret,uid=990,gid=990,mode=0600 \
  "${endpoint[@]}" --volume /tmp/conf:/etc/bearerd:ro --read-only --tmpfs /run/secrets \
  --pid host --cgroupns host bearerd)"
ok "... which knows the unit of a worker" "$given" "$(said "${beside[@]}")"
ok "no secret in what podman shows" "" "$(podman inspect bearerd | grep -F "$client_secret")"
podman rm --force bearerd >/dev/null
finish
