# SPDX-License-Identifier: MIT
"""unit - one that asks for a token by LoadCredential=, as systemd does for it."""

import socket

from pace import TIMEOUT


class Unit:
    """What systemd does to start one."""
    made = 0

    def __init__(self, bearerd, name="worker.service", credential="token"):
        Unit.made += 1
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT)
        self._socket.bind(f"\0{Unit.made:x}{id(bearerd):x}/unit/{name}/{credential}")
        self._socket.connect(str(bearerd.credential_socket))

    def read(self):
        data = b""
        while part := self._socket.recv(65536):
            data += part
        self.leave()
        return data.decode()

    def leave(self):
        self._socket.close()
