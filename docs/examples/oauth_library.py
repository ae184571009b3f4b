# SPDX-License-Identifier: MIT
"""oauth_library - programs whose OAuth library makes the client-credentials request itself go on doing
so: it is sent to bearerd's socket. Here Authlib and requests-oauthlib, unchanged, with requests-unixsocket.

    python3 docs/examples/oauth_library.py authlib|requests-oauthlib DEPARTMENT

The client's id is the name of a token, or anything for the default one; the secret is not looked at.
"""

import os
import sys
from urllib.parse import quote

from requests_unixsocket import UnixAdapter

API = os.environ.get("API_URL", "https://api.platform.athenahealth.com")
SOCKET = os.environ.get("BEARERD_SOCKET", "/run/bearerd/token.sock")
TOKEN_URL = f"http+unix://{quote(SOCKET, safe='')}/oauth2/v1/token"


def authlib_session():
    from authlib.integrations.requests_client import OAuth2Session
    session = OAuth2Session("athena", "not-looked-at", token_endpoint=TOKEN_URL,
                            grant_type="client_credentials")
    session.mount("http+unix://", UnixAdapter())
    return session, lambda: session.fetch_token()


def oauthlib_session():
    from oauthlib.oauth2 import BackendApplicationClient
    from requests_oauthlib import OAuth2Session
    # oauthlib wants https where a token is sent. This socket is the host's own.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    session = OAuth2Session(client=BackendApplicationClient("athena"))
    session.mount("http+unix://", UnixAdapter())
    return session, lambda: session.fetch_token(TOKEN_URL, client_id="athena",
                                                client_secret="not-looked-at")


def main():
    kind = {"authlib": authlib_session, "requests-oauthlib": oauthlib_session}[sys.argv[1]]
    session, fetch_token = kind()
    token = fetch_token()
    response = session.get(f"{API}/v1/{token['practice_id']}/appointments/open",
                           params={"departmentid": sys.argv[2], "reasonid": "-1"}, timeout=30)
    print(f"the API answered {response.status_code}: {response.text}")
    return 0 if response.status_code == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
