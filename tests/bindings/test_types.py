# SPDX-License-Identifier: MIT
"""What compilers and checkers say of the bindings, and that they are as old and as small as is said."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest
from languages import CLIENT, EXAMPLES, HERE, ROOT

PYTHON = [CLIENT / "python/bearer.py", EXAMPLES / "worker.py"]
JAVASCRIPT = [CLIENT / "node/bearer.js", EXAMPLES / "worker.mjs", HERE / "drivers/driver.mjs"]
PHP = [CLIENT / "php/Bearer.php", *EXAMPLES.glob("*.php"), HERE / "drivers/driver.php"]
# From which version on each is for, as the page has it.
FLOORS = dict(re.findall(r"^\| (\w+) \|.*?\| ([\d.]+) \|", (ROOT / "docs/clients.md").read_text(), re.M))
TSC = ["tsc", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"]


def run(*command, cwd=HERE, **environment):
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, check=False, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Python.

@pytest.mark.parametrize("file", PYTHON, ids=lambda file: file.name)
def test_python_of_the_oldest_version(file):
    """Its grammar; what it has in its library, and its types, are mypy's."""
    ast.parse(file.read_text(), feature_version=tuple(map(int, FLOORS["Python"].split("."))))


def test_python_needs_its_standard_library_alone():
    names = {alias.name for node in ast.walk(ast.parse(PYTHON[0].read_text()))
             if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(ast.parse(PYTHON[0].read_text()))
              if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_python_types(tmp_path):
    run("mypy", "--strict", "--python-version", FLOORS["Python"], "--cache-dir", str(tmp_path),
        *PYTHON, HERE / "usage.py", MYPYPATH=str(CLIENT / "python"))


# Node.

@pytest.mark.parametrize("options", [["--module", "node16", "--moduleResolution", "node16"],
                                     ["--module", "commonjs", "--moduleResolution", "node"]])
def test_typescript(options):
    run(*TSC, *options, "usage.ts")


def test_types_and_code_of_node_have_the_same_names():
    names = run("node", "-p", "Object.keys(require('./bearer.js')).join(' ')", cwd=CLIENT / "node")
    declared = re.findall(r"^export class (\w+)", (CLIENT / "node/bearer.d.ts").read_text(), re.M)
    assert sorted(names.split()) == sorted(declared)


def test_node_is_both_kinds_of_module():
    required = "const {Bearer, Denied} = require('./bearer.js'); console.log(Bearer.name, Denied.name)"
    imported = "import {Bearer, Denied} from './bearer.js'; console.log(Bearer.name, Denied.name)"
    for kind, source in (("commonjs", required), ("module", imported)):
        assert run("node", f"--input-type={kind}", "-e", source, cwd=CLIENT / "node") == \
            "Bearer Denied\n"


def test_node_needs_its_own_modules_alone():
    required = re.findall(r"require\('([^.'][^']*)'\)", JAVASCRIPT[0].read_text())
    assert required and all(name.startswith("node:") for name in required)


@pytest.mark.parametrize("file", JAVASCRIPT, ids=lambda file: file.name)
def test_javascript(file):
    run("node", "--check", file)


# PHP.

@pytest.mark.parametrize("file", PHP, ids=lambda file: file.name)
def test_php(file):
    run("php", "-l", file)


def test_php_needs_no_other_file():
    text = PHP[0].read_text()
    assert not re.search(r"^\s*(require|include|use)\b", text, re.M)


# Go.

def test_go(languages):
    run("go", "vet", "./...", cwd=CLIENT / "go/bearer", **languages.go_environment)
    assert run("gofmt", "-l", CLIENT / "go", HERE / "drivers", EXAMPLES) == ""
    assert "require" not in (CLIENT / "go/bearer/go.mod").read_text()


# What is installed, and the documentation.

def test_all_files_of_a_binding_are_installed(programs):
    build = programs.libraries.parent
    installed = json.loads(run("meson", "introspect", "--installed", build))
    files = [file for folder in ("python", "node", "php", "go") for file in (CLIENT / folder).rglob("*.*")
             if "__pycache__" not in file.parts]
    assert len(files) > 8
    assert [str(file) for file in files if str(file) not in installed] == []


def test_the_table_has_the_versions_that_the_modules_ask_for():
    engines = json.loads((CLIENT / "node/package.json").read_text())["engines"]
    assert engines["node"] == ">=" + FLOORS["Node"]
    module = (CLIENT / "go/bearer/go.mod").read_text()
    assert re.search(r"^go (.*)$", module, re.M)[1] == FLOORS["Go"]


@pytest.mark.parametrize("language, file", [("Python", PYTHON[0]), ("Node", JAVASCRIPT[0]), ("PHP", PHP[0])])
def test_the_files_say_the_same_version(language, file):
    assert f" {language} {FLOORS[language]} on" in file.read_text()


def test_all_have_the_errors_that_the_table_has():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/clients.md").read_text(), re.M)
    errors = [name for name in rows if name[0].isupper()]
    assert len(errors) == 10
    for file in (PYTHON[0], JAVASCRIPT[0], PHP[0]):
        found = re.findall(r"^(?:final )?class (\w+)(?:\(| extends )Bearer(?:Error|Exception)",
                           file.read_text(), re.M)
        assert sorted(found) == sorted(errors), file
    names = re.search(r"names = \[\.\.\.\]string\{(.*?)\}", (CLIENT / "go/bearer/errors.go")
                      .read_text(), re.S)[1]
    assert sorted(re.findall(r'"(\w+)"', names)) == sorted(errors)
