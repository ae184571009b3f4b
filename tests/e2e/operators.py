# SPDX-License-Identifier: MIT
"""operators - who asks a bearerd on its control socket, in the foreground: `--control`.

Everything that is answered there is looked at for secrets and tokens.
"""

import os
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import \
    text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus
from unixhttp import UnixHTTPConnection

OPENMETRICS = "application/openmetrics-text"


def start(bearerd, *, wait=True):
    """BEARERD is started with a control socket; an Operator there."""
    operator = Operator(bearerd)
    bearerd.arguments += ["--control", operator.socket]
    if wait:
        bearerd.start()
    return operator


class Operator:
    def __init__(self, bearerd):
        self.bearerd = bearerd
        self.socket = bearerd.directory / "control.sock"

    def connect(self):
        return UnixHTTPConnection(self.socket)

    def ask(self, method, path, headers=None, body=None):
        with self.connect() as connection:
            answered = connection.ask(method, path, headers, body)
        self.bearerd.overhear(str(answered))
        return answered

    def status(self):
        answered = self.ask("GET", "/v1/status")
        assert answered.status == 200
        assert answered.body["version"] == 1
        return answered.body

    def token(self, name="athena"):
        return next(each for each in self.status()["tokens"] if each["name"] == name)

    def refresh(self, name="athena"):
        return self.ask("POST", f"/v1/tokens/{name}/refresh")

    def text(self, accept=None):
        answered = self.ask("GET", "/metrics", {"Accept": accept} if accept else None)
        assert answered.status == 200
        return answered.body

    def metrics(self, accept=None):
        """{(sample, label=value, ...): value}, labels in their order of names."""
        return samples(self.text(accept))


def samples(text):
    """By a reader of Prometheus's own, strict in OpenMetrics."""
    parse = parse_openmetrics if text.endswith("# EOF\n") else parse_prometheus
    found = {}
    for family in parse(text):
        for sample in family.samples:
            key = (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def promtool():
    """Debian's package prometheus has it; ./check takes it from there."""
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.fail("there is no promtool: install prometheus, or set PROMTOOL")
    return found


def check_with_promtool(text):
    done = subprocess.run([promtool(), "check", "metrics"], input=text, text=True, check=False,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
