# SPDX-License-Identifier: MIT
"""worker - one worker process: asks bearerd for the token, calls the API with it, and again.

It reports each round as a JSON line on its stdout, with a fingerprint in place of the token.

    worker.py NUMBER SOCKET [API_URL CA_FILE]
"""

import hashlib
import http.client
import json
import os
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from unixhttp import UnixHTTPConnection  # noqa: E402

PAUSE = 0.1
API_TIMEOUT = 10


class Api:
    def __init__(self, url, ca_file):
        self._url = urlsplit(url)
        # The stand-in's certificate holds for the address, too: no resolver is needed.
        self._address = f"127.0.0.1:{self._url.port}"
        self._tls = ssl.create_default_context(cafile=ca_file)

    def call(self, token):
        """The status of the answer; 0: there was none."""
        connection = http.client.HTTPSConnection(self._address, timeout=API_TIMEOUT,
                                                 context=self._tls)
        try:
            connection.request("GET", self._url.path, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def ask(connection):
    """What bearerd answered: a report, and the token or None."""
    started = time.monotonic()
    try:
        answer = connection.get("/v1/token")
    except (OSError, http.client.HTTPException) as why:
        connection.close()      # the next request opens it again
        return {"status": 0, "error": str(why)}, None
    report = {"status": answer.status, "waited": time.monotonic() - started}
    if answer.status != 200:
        return {**report, "error": answer.body["error"]}, None
    token = answer.body["access_token"]
    fingerprint = hashlib.sha256(token.encode()).hexdigest()[:8]
    return {**report, "generation": answer.body["generation"], "fingerprint": fingerprint}, token


def main(number, path, *api_arguments):
    api = Api(*api_arguments) if api_arguments else None
    connection = UnixHTTPConnection(path)
    while True:
        report, token = ask(connection)
        if token and api:
            report["api"] = api.call(token)
        line = json.dumps({"worker": int(number), **report}) + "\n"
        os.write(sys.stdout.fileno(), line.encode())    # in one piece: the pipe is shared
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
