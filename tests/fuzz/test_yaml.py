"""Files that are no manifests, or try to be more: a fault in words, soon, and never a crash."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from elbow_api.fault import Refused
from elbow_dataplane.cli.main import main
from elbow_dataplane.sources.manifest import line_of, load
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = """apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata: {name: web}
spec:
  listeners: [{name: http, port: 80, protocol: HTTP, targetGroup: web}]
  targetGroups: [{name: web, protocol: HTTP, targets: {addresses: []}}]
"""
BOMB = "".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "no-yaml": (GOOD.replace("{name: web}", "{name: web"), "not YAML"),
    "a-tab": ("\tkind: x\n", "not YAML: a tab in line 1; indent with spaces"),
    "nothing": ("", "one LoadBalancer is expected in the file, 0 documents were found"),
    "null": ("~\n", "one LoadBalancer is expected"),
    "two": (
        f"{GOOD}---\n{GOOD}",
        "one LoadBalancer is expected in the file, 2 documents were found; the second begins in line 8",
    ),
    "a-list": ("- a\n", "not a LoadBalancer"),
    "a-word": ("web\n", "not a LoadBalancer"),
    "a-tab-within": (GOOD.replace("  listeners", "\tlisteners"), "not YAML: a tab in line 5; indent with spaces"),
    "a-mark-and-a-tab": ("\ufeff\tkind: x\n", "not YAML: a tab in line 1; indent with spaces"),
    "an-at": (GOOD.replace("{name: web}", "{name: @web}"), "a value that begins with @ in line 3; put it in quotes"),
    "a-star": (GOOD.replace("{name: web}", "{name: *}"), "not YAML"),
    "unclosed": (
        GOOD.replace("{name: web}\n", "{name: web\n"),
        "in line 4, of what began in line 3; a comma is missing, or the { isn't",
    ),
    "askew": (
        GOOD.replace("  targetGroups", "   targetGroups"),
        "in line 6, of what began in line 5; look at the indentation",
    ),
    "a-bare-ipv6": (GOOD.replace("[]", "[{ip: ::1}]"), "in line 6; a value is missing, or must be put in quotes"),
    "a-template": (
        GOOD.replace("port: 80", "port: {{ .Values.port }}"),
        "a key that is not a string: a list or a mapping in line 5; put it in",
    ),
    "a-key-twice": (f"{GOOD}kind: x\n", 'not YAML: "kind" is written twice in line 7'),
    "a-key-twice-within": (GOOD.replace("{name: web}", "{name: web, name: v}"), '"name" is written twice in line 3'),
    "a-number-as-key": (f"{GOOD}1: x\n", 'a key that is not a string: "1" in line 7; put it in quotes'),
    "a-list-as-key": (f"{GOOD}[a]: x\n", "a key that is not a string"),
    "a-merge": (GOOD.replace("{name: web}", "{name: web, <<: {}}"), "<< is not taken"),
    "a-bomb": (f"{GOOD}status:\n  a: &a [x, x, x, x, x, x, x, x, x]\n{BOMB}", "its anchors unfold to more than"),
    "a-snake": (f"{GOOD}status: &a [*a]\n", "recursive"),
    "no-anchor": (f"{GOOD}status: *nothing\n", "undefined alias"),
    "deep": ("[" * 100_000, "not YAML: exceeded maximum nesting depth"),
    "deep-braces": ("{a: " * 100_000, "not YAML: exceeded maximum nesting depth"),
    "deep-enough": (f"{GOOD}status: {'[' * 900}{']' * 900}\n", "nested too deeply"),
    "a-program": (f"{GOOD}status: !!python/object/apply:os.system [id]\n", "could not determine a constructor"),
    "a-tag": (f"{GOOD}status: !x y\n", "could not determine a constructor for the tag '!x' in line 7; remove the tag"),
    "a-false-bool": (f"{GOOD}status: !!bool x\n", "neither true nor false in line 7"),
    "a-false-map": (f"{GOOD}status: !!map [a]\n", "a mapping is expected in line 7"),
    "a-false-int": (f"{GOOD}status: !!int x\n", "not YAML"),
    "a-date": (f"{GOOD}status: !!timestamp x\n", "not YAML"),
    "a-nul": (f"{GOOD}status: \0\n", "not YAML: a control character (U+0000) in line 7; remove it"),
    "a-bell": (f"# \xfc\xfc\n{GOOD}status: \a\n", "not YAML: a control character (U+0007) in line 8; remove it"),
    "a-surrogate": (GOOD.replace("{name: web}", '{name: "\\ud800"}'), "not YAML"),
    "an-escape": (GOOD.replace("{name: web}", '{name: "\\0"}'), "metadata.name: not a DNS label"),
    "an-odd-field": (f'{GOOD}"\\e[31m\\n": x\n', '["\\u001b[31m\\n"]: unknown field'),
    "a-long-field": (f"{GOOD}{'k' * 1000}: x\n", f'["{"k" * 60}..."]: unknown field'),
    "octal": (GOOD.replace("port: 80", "port: 010"), "spec.listeners[0].port: not a whole number"),
    "sixty": (GOOD.replace("port: 80", "port: 1:20"), "spec.listeners[0].port: not a whole number"),
    "digits": (GOOD.replace("port: 80", f"port: {'8' * 5000}"), "spec.listeners[0].port: not a whole number"),
    "infinite": (GOOD.replace("port: 80", "port: .inf"), "spec.listeners[0].port: not a whole number"),
    "quoted": (GOOD.replace("port: 80", 'port: "80"'), "spec.listeners[0].port: not a whole number; remove the quotes"),
    "large": ("a" * 10_000_000, "the file is larger than 1.5 MiB"),
    "a-large-field": (GOOD.replace("{name: web}", f"{{name: {'w' * 10_000_000}}}"), "the file is larger than 1.5 MiB"),
    "a-large-comment": (f"{GOOD}#{'x' * 10_000_000}\n", "the file is larger than 1.5 MiB"),
    "many-values": (f"{GOOD}status: [{'x,' * 450_000}]\n", "unfold to more than"),
}
TAKEN = {
    "plain": GOOD,
    "a-mark": f"\ufeff{GOOD}",
    "windows": GOOD.replace("\n", "\r\n"),
    "ended": f"{GOOD}...\n",
    "begun": f"%YAML 1.1\n---\n{GOOD}",
    "emptied": f"---\n---\n{GOOD}---\n",
    "an-anchor": GOOD.replace("port: 80", "port: &port 80").replace(
        "addresses: []", "addresses: [{ip: 10.0.0.1, port: *port}]"
    ),
    "json": '{"apiVersion":"elbow.dev/v1alpha1","kind":"LoadBalancer","metadata":{"name":"web"},"spec":{"listeners":'
    '[{"name":"http","port":80,"protocol":"HTTP","targetGroup":"web"}],"targetGroups":[{"name":"web","protocol":"HTTP",'
    '"targets":{"addresses":[]}}]}}',
    "a-word-like-a-bool": GOOD.replace("protocol: HTTP, targets", "proxyProtocol: off, protocol: HTTP, targets"),
    "what-kubernetes-adds": GOOD.replace("{name: web}", "{name: web, uid: x, managedFields: [], labels: {a: b}}"),
}


def check(file: Path) -> Result:
    """`elbow check`; a crash is raised."""
    return CliRunner().invoke(main, ["check", str(file)], catch_exceptions=False)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_in_words_and_soon(name: str, tmp_path: Path) -> None:
    text, words = REFUSED[name]
    file = tmp_path / "lb.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    began = time.process_time()

    done = check(file)

    assert done.exit_code == 1
    assert words in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 500
    assert time.process_time() - began < 15


@pytest.mark.parametrize("name", TAKEN)
def test_a_good_file_is_taken_however_it_is_written(name: str, tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(TAKEN[name], encoding="utf-8", newline="")

    done = check(file)

    assert done.exit_code == 0, done.stderr
    assert load(TAKEN[name]).spec.listeners[0].port == 80


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02\xff", GOOD.encode("utf-16"), GOOD.encode() + b"\xe9\n", b"\x1f\x8b" * 100], ids=range(4)
)
def test_a_binary_file_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_bytes(content)

    done = check(file)

    assert done.exit_code == 1
    assert "not UTF-8 text in line" in done.stderr or "not YAML" in done.stderr


def test_no_file_a_directory_and_a_thousand_faults_are_said_so(tmp_path: Path) -> None:
    assert "No such file" in check(tmp_path / "none.yaml").stderr
    many = ", ".join(["{ip: x, port: y}"] * 1000)
    file = tmp_path / "lb.yaml"
    file.write_text(GOOD.replace("addresses: []", f"addresses: [{many}]"))
    began = time.process_time()

    lines = check(file).stderr.splitlines()

    assert len(lines) == 2000
    assert lines[-1] == f"{file}:6: spec.targetGroups[0].targets.addresses[999].port: not a whole number"
    assert time.process_time() - began < 15


@given(
    st.text(st.characters(codec="utf-8"), max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_taken_or_refused(text: str) -> None:
    for document in (text, f"{GOOD}{text}", GOOD.replace("{name: web}", text)):
        try:
            load(document)
        except Refused as refused:
            for fault in refused.faults:
                assert str(fault).isprintable()
                line_of(document, fault.path)
