"""Help, and completion by the shell."""

import os
import re
from collections.abc import Iterator

import click
import pytest
from elbow_dataplane.cli.main import main

from cli.command import printed, run


def commands() -> Iterator[tuple[str, ...]]:
    """The program and each of its commands that are for people."""
    yield ()
    yield from ((name,) for name, command in main.commands.items() if not command.hidden)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    text = printed(*command, "--help")

    assert re.search(rf"Example.*\n +elbow {' '.join(command)}|How to use it", text), text
    assert max(map(len, text.splitlines())) <= 100


def test_every_option_is_explained() -> None:
    for command in main.commands.values():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{command.name} {parameter.name}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_a_shell_is_printed(shell: str) -> None:
    assert "_ELBOW_COMPLETE" in printed("completion", shell)


def test_bash_completes_commands_and_options() -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        environment = {"_ELBOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        text = run(env={**os.environ, **environment}).stdout
        return [found.split(",", 1)[1] for found in text.splitlines()]

    assert completed("elbow ta") == ["targets"]
    assert {"wide", "json"} == set(completed("elbow targets -o "))
