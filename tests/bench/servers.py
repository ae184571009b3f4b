# SPDX-License-Identifier: MIT
"""servers - who hands out the token: bearerd, the floor, and what else could, each on a Unix socket.

A way is how bench-ask goes to one of them (way.h). All have the body of bearerd's answer; the floor,
which speaks HTTP without knowing it, has the whole of it. The others are Debian's, as they come,
but without a log, a disk and a second process, which nobody would need for one token.
"""

import shutil
import socket
from collections import namedtuple

from stage import TOKEN_PATH

# Debian's packages, by the program that is looked for.
PEERS = {"redis-server": "redis-server", "memcached": "memcached", "nginx": "nginx-light",
         "oidc-agent": "oidc-agent-cli"}
ANSWER_MAX = 65536
SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"

# PIDS: who serves it. MODES: "kept", on a kept connection; "new", with one for each get.
Way = namedtuple("Way", "name title kind path pids requests n_requests connections modes",
                 defaults=("", 0, 1, ("kept", "new")))

NGINX = """\
daemon off;
master_process off;
pid {0}/pid;
error_log {0}/log;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
    default_type application/json;
    server {{
        listen unix:{0}/socket;
        location {1} {{ return 200 '{2}'; }}
        location /static {{ root {3}; }}
    }}
}}
"""


def path_of(program):
    return shutil.which(program, path=SBIN)


def missing(packages):
    """PACKAGES, by their program, that are not installed."""
    return [package for program, package in packages.items() if not path_of(program)]


def text_of(way):
    """As way.h has it."""
    return ",".join(map(str, (way.name, way.kind, way.path, "+".join(map(str, way.pids)),
                              way.connections, way.requests, way.n_requests)))


def whole_answer(path, request):
    """The bytes that are answered to it, headers and all."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < size_of(answer):
            part = sock.recv(ANSWER_MAX)
            assert part, f"{path} hangs up"
            answer += part
    return answer


def size_of(answer):
    head, _, _ = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split()[0]
    return len(head) + 4 + int(length)


class Servers:
    """One bearerd with one token, and whatever else is asked for beside it."""

    def __init__(self, stage, wrapper):
        self._stage = stage
        self._wrapper = wrapper
        self.bearerd = stage.bearerd("bearerd", wrapper)
        body = self.bearerd.get(TOKEN_PATH).body
        self.token_file = stage.write("token", body["access_token"].encode())
        self.request = stage.requests("get", TOKEN_PATH)
        self.answer = whole_answer(self.bearerd.socket, self.request.read_bytes())
        self.body = self.answer.partition(b"\r\n\r\n")[2]
        self._answer_file = stage.write("answer", self.answer)

    # Ours.

    def floor(self, name="floor", title="bare epoll loop"):
        path = self._stage.directory / f"{name}.sock"
        process = self._start(path, self._stage.tool("floor"), path, self._answer_file)
        return self._http(name, title, path, process.pid)

    def broker(self):
        return self._http("bearerd", "**bearerd**", self.bearerd.socket, self.bearerd.pid)

    def library(self):
        return Way("libbearer", "**libbearer**, `bearer_get()`", "libbearer", self.bearerd.socket,
                   [self.bearerd.pid])

    # Others.

    def file(self):
        path = self._stage.memory / "body"
        path.write_bytes(self.body)
        return Way("file", "a file in tmpfs: open, read, close", "file", path, [],
                   modes=("kept",))

    def memcached(self):
        path = self._stage.directory / "memcached.sock"
        process = self._start(path, path_of("memcached"), "-u", "root", "-s", path, "-t", "1")
        self._tell(path, b"set token 0 0 %d\r\n%s\r\n" % (len(self.body), self.body), b"STORED")
        request = self._stage.write("memcached.get", b"get token\r\n")
        return Way("memcached", "memcached", "socket", path, [process.pid], request, 1)

    def redis(self):
        path = self._stage.directory / "redis.sock"
        process = self._start(path, path_of("redis-server"), "--port", "0", "--unixsocket", path,
                              "--save", "", "--appendonly", "no", "--dir", self._stage.directory)
        self._tell(path, resp(b"SET", b"token", self.body), b"+OK")
        request = self._stage.write("redis.get", resp(b"GET", b"token"))
        return Way("redis", "redis", "socket", path, [process.pid], request, 1)

    def nginx(self):
        """As text in its configuration, and as a file."""
        directory = self._stage.directory / "nginx"
        directory.mkdir()
        (self._stage.memory / "static").write_bytes(self.body)
        configuration = directory / "conf"
        configuration.write_text(NGINX.format(directory, TOKEN_PATH, self.body.decode(),
                                              self._stage.memory))
        path = directory / "socket"
        process = self._start(path, path_of("nginx"), "-p", directory, "-c", configuration, "-e",
                              directory / "log")
        static = self._stage.requests("static", "/static")
        return [self._http("nginx", "nginx, `return 200`", path, process.pid),
                self._http("nginx-file", "nginx, a static file", path, process.pid, static)]

    def peers(self):
        return [self.memcached(), self.redis(), *self.nginx()]

    def _http(self, name, title, path, pid, request=None):
        return Way(name, title, "socket", path, [pid], request or self.request, 1)

    def _start(self, path, *command):
        process = self._stage.start(*self._wrapper, *command)
        self._stage.wait_for_server(path, process)
        return process

    @staticmethod
    def _tell(path, request, expected):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(request)
            answer = sock.recv(ANSWER_MAX)
        assert answer.startswith(expected), answer


def resp(*words):
    """As redis reads it."""
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), parts)
