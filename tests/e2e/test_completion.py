# SPDX-License-Identifier: MIT
"""What bash and zsh offer behind "bearerctl": what there is, and the tokens of a real bearerd."""

import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPLETION = HERE.parent.parent / "client/completion"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")

# What bash does at a Tab: it splits the line, and calls what was registered.
BASH = r"""
compopt() { :; } # it asks the line editor, which there is none
[ -z "$2" ] || . "$2"
. "$1"
read -ra COMP_WORDS <<<"${3//=/ = }"
[[ $3 != *[' =']  ]] || COMP_WORDS+=("")
COMP_LINE=$3 COMP_POINT=${#3} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p bearerctl | sed 's/.*-F \([^ ]*\).*/\1/')
$function bearerctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""


class Shell:
    def __init__(self, name, programs, directory):
        self.name = name
        self.directory = directory
        self.environment = os.environ | {
            "PATH": f"{programs.bearerctl.parent}:{os.environ['PATH']}", "TERM": "xterm",
            "LD_LIBRARY_PATH": str(programs.libraries), "HOME": str(directory),
            "BEARERD_SOCKET": "/nonexistent", "BEARERD_CONTROL": "/nonexistent"}

    def command(self, line):
        if self.name == "zsh":
            return [HERE / "completion.zsh", COMPLETION, self.directory / "said", line]
        helpers = BASH_COMPLETION if self.name == "bash with bash-completion" else ""
        return ["bash", "-c", BASH, "bash", COMPLETION / "bearerctl.bash", helpers, line]

    def offers(self, line, **environment):
        done = subprocess.run(self.command(line), check=False, capture_output=True, text=True,
                              cwd=self.directory, env=self.environment | environment, timeout=30)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.split("\n")[:-1]


@pytest.fixture(name="shell", params=["bash", "bash with bash-completion", "zsh"])
def a_shell(request, programs, tmp_path):
    return Shell(request.param, programs, tmp_path)


@pytest.fixture(name="overview", scope="module")
def an_overview(programs):
    return help_of(programs)


@pytest.fixture(name="commands", scope="module")
def the_commands(programs, overview):
    """{command: its --help}"""
    lists = re.findall(r"^Commands for \w+:\n(.*?)\n\n", overview, re.M | re.DOTALL)
    assert len(lists) == 3
    return {command: help_of(programs, command)
            for command in re.findall(r"^  (\w+)", "\n".join(lists), re.M)}


def help_of(programs, *command):
    return subprocess.run([programs.bearerctl, *command, "--help"], check=True,
                          capture_output=True, text=True).stdout


def all_options(help_text):
    return set(re.findall(r"--[a-z][a-z-]*", help_text))


def test_commands_are_those_that_there_are(shell, commands):
    assert sorted(shell.offers("bearerctl ")) == sorted(commands)
    for line in ("bearerctl metr", "bearerctl help metr"):
        assert shell.offers(line) in (["metrics"], ["metrics "]), line
    assert "get" not in shell.offers("bearerctl help get ")


def test_options_are_those_that_there_are(shell, programs, overview, commands):
    found = set(shell.offers("bearerctl --"))
    assert found == set(re.findall(r"^  (--[a-z-]+)", overview, re.M))
    for command, said in commands.items():
        offered = set(shell.offers(f"bearerctl {command} --"))
        assert offered == set(re.findall(r"^  (--[a-z-]+)", said, re.M)) | {"--help"}, command
        for option in offered:
            done = subprocess.run([programs.bearerctl, command, option], check=False,
                                  capture_output=True, text=True, env=shell.environment)
            assert "is not known" not in done.stderr, (command, option)
        found |= offered
    assert found == all_options("\n".join([overview, *commands.values()]))


def test_tokens_are_those_of_bearerd(shell, broker):
    bearerd = broker(start=False)
    bearerd.add_token("other")
    bearerd.add_token("third_one")
    bearerd.start()
    socket = str(bearerd.socket)
    for command in ("get", "header", "renew", "refresh", "exec", "wait", "watch", "doctor",
                    "write file", "write --mode 0640 file", "get --json", "get --wait 5",
                    "exec --fd 9", "doctor --as root"):
        assert sorted(shell.offers(f"bearerctl {command} ", BEARERD_SOCKET=socket)) == \
            ["athena", "other", "third_one"], command
    for at in (f"--socket {socket}", f"--socket={socket}"):
        assert shell.offers(f"bearerctl {at} get ot") == ["other"]


def test_who_is_named_already_is_not_named_again(shell, broker):
    bearerd = broker()
    for line in ("bearerctl get athena ", "bearerctl write file athena ", "bearerctl write ",
                 "bearerctl status ", "bearerctl metrics "):
        assert "athena" not in shell.offers(line, BEARERD_SOCKET=str(bearerd.socket)), line


def test_nothing_is_offered_and_nothing_said_without_bearerd(shell):
    assert shell.offers("bearerctl get ") == []


def test_values_are_completed_as_what_they_are(shell, tmp_path):
    (tmp_path / "some.sock").touch()
    for line in ("--socket some", "write some", "write --once some", "doctor --config some",
                 "doctor --fetch some"):
        assert shell.offers(f"bearerctl {line}") == ["some.sock"], line
    assert "root" in [name.rstrip() for name in shell.offers("bearerctl doctor --as roo")]
    assert "SHELL_TEST" in [name.rstrip() for name in
                            shell.offers("bearerctl exec --env SHELL_T", SHELL_TEST="1")]
    for line in ("get --wait ", "exec --fd ", "wait --timeout ", "write --mode "):
        assert shell.offers(f"bearerctl {line}") == [], line


def test_behind_exec_is_a_command_of_the_users_own(shell, tmp_path):
    program = tmp_path / "worker-of-this-test"
    program.touch(mode=0o755)
    path = f"{tmp_path}:{shell.environment['PATH']}"
    for line in ("bearerctl exec -- worker-of-", "bearerctl exec athena -- worker-of-",
                 "bearerctl exec --wait 3 athena -- worker-of-",
                 "bearerctl exec --restart-on-renewal athena -- worker-of-"):
        assert shell.offers(line, PATH=path) == [program.name], line
