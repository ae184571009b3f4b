# SPDX-License-Identifier: MIT
"""provider - an OpenID provider for oidc-agent: discovery, and a token endpoint that grants the same
token to whoever asks, after `takes` seconds. On 127.0.0.1, with a certificate of the stand-in's CA."""

import http.server
import json
import ssl
import threading
import time

import certificates
from stage import EXPIRES_IN

DISCOVERY = "/.well-known/openid-configuration"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = self.server.url
        self._answer({
            "issuer": url, "authorization_endpoint": f"{url}authorize",
            "token_endpoint": f"{url}token", "jwks_uri": f"{url}keys",
            "scopes_supported": ["openid", "offline_access"],
            "grant_types_supported": ["refresh_token"], "response_types_supported": ["code"],
        } if self.path == DISCOVERY else {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.takes)
        self._answer({"access_token": self.server.token, "token_type": "Bearer",
                      "expires_in": EXPIRES_IN, "refresh_token": "refresh"})
        self.server.granted.append(time.monotonic_ns())

    def _answer(self, members):
        body = json.dumps(members).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Of no interest."""


class Provider(http.server.ThreadingHTTPServer):
    """Serves from `with` on, in a thread."""

    def __init__(self, directory, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token, self.takes = token, 0
        self.granted = []       # when, by CLOCK_MONOTONIC
        self.url = f"https://localhost:{self.server_port}/"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.make_leaf(directory, "good"))
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *exception):
        self.shutdown()
        super().__exit__(*exception)
