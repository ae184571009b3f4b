# SPDX-License-Identifier: MIT
"""worker - how a worker in Python uses bearerd: it prints the open appointments of a department.

    PYTHONPATH=client/python python3 docs/examples/worker.py DEPARTMENT
"""

import os
import sys
import time
import urllib.error
import urllib.request
from typing import Tuple

import bearer

API = os.environ.get("API_URL", "https://api.platform.athenahealth.com")


def call(token: bearer.Token, department: str) -> Tuple[int, bytes]:
    request = urllib.request.Request(f"{API}/v1/{token.practice_id}/appointments/open"
                                     f"?departmentid={department}&reasonid=-1")
    # Not to be sent on to where a redirect leads.
    request.add_unredirected_header("Authorization", "Bearer " + token.value)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def open_appointments(tokens: bearer.Bearer, department: str) -> Tuple[int, bytes]:
    token = tokens.get()
    status, body = call(token, department)
    if status == 401:
        # Once: if the newer token is refused too, the token is not what is wrong.
        try:
            return call(tokens.renew(token), department)
        except bearer.Fresh:
            pass    # the 401 stands: look at permissions
    return status, body


def main() -> int:
    tokens = bearer.Bearer()
    while True:
        try:
            status, body = open_appointments(tokens, sys.argv[1])
        except bearer.BearerError as error:
            print(f"worker: no token: {error}", file=sys.stderr)
            if not error.is_passing:
                return 1
            time.sleep(error.retry_after or 5)
        else:
            print(f"the API answered {status}: {body.decode(errors='replace')}")
            return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
