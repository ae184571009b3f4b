# SPDX-License-Identifier: MIT
"""stage - what the lives of one worker play on: a token endpoint, a configuration, sockets as
systemd holds them, and the environment that a program with faults gets."""

import grp
import os
import pwd
import re
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "standin"), str(HERE.parent / "e2e")]

from standin import Standin  # noqa: E402

from page import Page  # noqa: E402
from process import Process, out_of_the_way  # noqa: E402

FOREIGN = re.compile(r"BEARERD_|LISTEN_|NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM|"
                     r"CREDENTIALS_DIRECTORY|(?i:[a-z]+_proxy)$")
CLIENTS = {"athena-client": "athena-secret", "unit-client": "unit-secret"}
BOOT_ID = "0123456789abcdef0123456789abcdef"


class Stage:
    def __init__(self, build, directory):
        self.build = build
        self.directory = directory
        self.bearerd = build / "daemon/bearerd"
        self.fetch = build / "daemon/fetch/bearerd-fetch"
        self.endpoint = Standin(directory / "endpoint", credentials=CLIENTS)
        self.endpoint.start()
        self.config = directory / "bearerd.conf"
        self.epoch = directory / "epoch"
        self.pages = directory / "pages"
        self.pages.mkdir()
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
                "scope = athena/service/Athenanet.MDP.*\nbasic_encoding = raw\n"
                f"client_id = {client}\nclient_secret = file:{secret}\n"
                "requests_per_minute = 600\nretry_min = 100ms\nretry_max = 200ms\n"
                "min_renewal_interval = 100ms\nrenewal_pause = 100ms\n"
                f"connect_timeout = 1s\ntimeout = 2s\n{keys}")

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
                              "MALLOC_PERTURB_": "165", **more}

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
        return Process(self.directory, argv, self.environment(**environment),
                       list((passed or {}).values()), stdin)

    def close(self):
        self.endpoint.stop()
