# SPDX-License-Identifier: MIT
"""stage - what the lives of one worker play on: a token endpoint, a configuration, sockets as
systemd holds them, and the environment that a program with faults gets."""

import grp
import os
import pwd
import re
import socket

import clients  # which knows the way to the stand-in
from page import Page
from process import Process, out_of_the_way
from standin import SCOPE, Standin

FOREIGN = re.compile(r"BEARERD_|LISTEN_|NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM|"
                     r"CREDENTIALS_DIRECTORY|(?i:[a-z]+_proxy)$")
CLIENTS = {"athena-client": "athena-secret", "unit-client": "unit-secret"}
# What is in every token and assertion (the beginning of JSON, in base64), in every private key in PEM,
# and what is known here alone.
SECRETS = re.compile("|".join(["eyJ", "-----BEGIN",
                               *map(re.escape, [*CLIENTS.values(), clients.PASSPHRASE, clients.PIN])]))
BOOT_ID = "0123456789abcdef0123456789abcdef"


class Stage:
    def __init__(self, build, directory):
        self.build = build
        self.directory = directory
        self.secrets = SECRETS
        self.bearerd = build / "daemon/bearerd"
        self.fetch = build / "daemon/fetch/bearerd-fetch"
        self.endpoint = Standin(directory / "endpoint", credentials=CLIENTS)
        self.endpoint.start()
        self.config = directory / "bearerd.conf"
        self.epoch = directory / "epoch"
        self.pages = directory / "pages"
        self.pages.mkdir()
        self.variables = {}         # of the environment of all that is started from now on
        self._write_config()

    def _write_config(self):
        user = pwd.getpwuid(os.geteuid()).pw_name
        group = grp.getgrgid(os.getegid()).gr_name
        self.config.write_text(
            f"[broker]\nsocket_group = {group}\nsocket_mode = 0600\n" +
            self._token("athena", f"default = yes\npractice_id = 195900\n"
                                  f"allow_users = {user} root\nallow_groups = {group}\n") +
            self._token("unit", "allow_units = worker.service user@*.service\n"))

    def _token(self, name, keys):
        client = f"{name}-client"
        secret = self.directory / f"{name}.secret"
        secret.touch(mode=0o600)
        secret.write_text(CLIENTS[client] + "\n")
        return (f"[token {name}]\ntoken_url = {self.endpoint.token_url}\n"
                f"tls_ca_file = {self.endpoint.ca_file}\n"
                f"scope = {SCOPE}\nbasic_encoding = raw\n"
                f"client_id = {client}\nclient_secret = file:{secret}\n"
                "requests_per_minute = 600\nretry_min = 100ms\nretry_max = 200ms\n"
                "min_renewal_interval = 100ms\nrenewal_pause = 100ms\n"
                f"connect_timeout = 1s\ntimeout = 2s\n{keys}")

    def write_fetch_config(self, name, keys):
        """The configuration of one token, which is not bearerd's."""
        path = self.directory / f"{name}.conf"
        lines = {"token_url": self.endpoint.token_url, "tls_ca_file": self.endpoint.ca_file,
                 "scope": SCOPE, "connect_timeout": "1s", "timeout": "2s"} | keys
        path.write_text("\n".join(["[token athena]", *(f"{key} = {value}" for key, value
                                                       in lines.items() if value), ""]))
        return path

    def page(self, name):
        """The faults of the program NAME, from its next start on."""
        return Page(self.pages / name)

    def environment(self, **more):
        environment = {name: value for name, value in os.environ.items()
                       if not FOREIGN.match(name)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            options = [environment.get(name), f"log_path={self.directory}/sanitizer",
                       "verify_asan_link_order=0", "handle_segv=1", "allocator_may_return_null=1"]
            environment[name] = ":".join(filter(None, options))
        return environment | {"LD_PRELOAD": str(self.build / "tests/faults/faults.so"),
                              "FAULTS_DIRECTORY": str(self.pages),
                              "BEARERD_BOOT_ID": BOOT_ID,
                              # What was freed is rubbish (mallopt(3)).
                              "MALLOC_PERTURB_": "165", **self.variables, **more}

    def listen(self, name):
        path = self.directory / name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        fd = out_of_the_way(listener.fileno())
        listener.close()
        return path, fd

    def start(self, argv, passed=None, stdin=None, **environment):
        """PASSED: {name: fd}, as systemd passes them."""
        if passed:
            environment |= {"LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(passed)}
        return Process(self.directory, argv, self.environment(**environment), self.secrets,
                       list((passed or {}).values()), stdin)

    def close(self):
        self.endpoint.stop()
