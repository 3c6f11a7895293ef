"""Any string in any field is refused with its field named, or means what it says."""

import re
import time
from typing import Any

import pytest
from elbow_api.fault import Fault, Refused
from elbow_api.load_balancer import parse
from elbow_dataplane.haproxy.render.quote import quote, quote_fetch, quote_format
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.configuration import configuration, read, words
from fuzz.documents import DOCUMENTS, Document, Path, carried, existing, leaves, mappings, value_at, with_value
from fuzz.nasties import LONG, NASTIES

PLACES = [(name, path) for name, document in DOCUMENTS.items() for path in leaves(document)]
FREE = {
    # Strings of a user's own that stand in the configuration, by what they may hold.
    ("http", "healthCheck", "path"): r"/[!-~]{0,60}",
    ("tcp", "healthCheck", "path"): r"/[!-~]{0,60}",
    ("http", "healthCheck", "host"): r"[A-Za-z0-9\[]([-A-Za-z0-9.:_\[\]]{0,20}[A-Za-z0-9\]])?",
    ("http", "stickiness", "cookieName"): r"[!#%&'*+\-.^_`|~0-9A-Za-z][!#$%&'*+\-.^_`|~0-9A-Za-z]{0,20}",
    ("http", "tls", "serverName"): r"[A-Za-z0-9]([-A-Za-z0-9]{0,9}[A-Za-z0-9])?(\.[A-Za-z0-9]{1,9})?",
}
PLAIN = {name: read(configuration(parse(document))) for name, document in DOCUMENTS.items()}


def faults(document: Any) -> tuple[Fault, ...]:
    """Why a document is refused; none if it isn't."""
    try:
        parse(document)
    except Refused as refused:
        return refused.faults
    return ()


def judge(name: str, path: Path, value: str) -> str:
    """Put a string in a place: `refused` by name, or `taken` as it is; anything else is a failure."""
    document = with_value(DOCUMENTS[name], path, value)
    if found := faults(document):
        # A name that is good by itself may be missed by who refers to it.
        is_missed = path[-1] == "name" and any(f"there is {value}" in fault.message for fault in found)
        assert is_missed or any(fault.path[: len(path)] == path for fault in found), [str(fault) for fault in found]
        assert [str(fault) for fault in found if not is_fit_to_print(fault)] == []
        return "refused"
    assert_means_it(name, path, value, document)
    return "taken"


def assert_means_it(name: str, path: Path, value: str, document: Document) -> None:
    """The configuration differs from the plain one in nothing but this string, which is in its place whole."""
    got, plain = _without_digits(read(configuration(parse(document)))), _without_digits(PLAIN[name])
    if path[-1] == "zone" or "zones" in path:  # a target may come or go with it
        got, plain = [line for line in got if line[0] != "server"], [line for line in plain if line[0] != "server"]
    harmless = str(value_at(DOCUMENTS[name], path))
    assert got == [[_put(word, path, harmless, value) for word in line] for line in plain]


def _without_digits(lines: list[list[str]]) -> list[list[str]]:
    """The access log's ids end in digits made from the names of the load balancer and the group."""
    return [[re.sub(r"((?:app|targetgroup)/[^/]+/)[0-9a-f]{16}", r"\1digits", word) for word in line] for line in lines]


def _put(word: str, path: Path, harmless: str, value: str) -> str:
    """A word of the plain configuration, with the other string where that field's string stands."""
    if path[-1] in ("path", "host", "serverName"):
        return value if word == harmless else word.replace(f"str({harmless})", f"str({value})")
    if path[-1] == "cookieName":
        return word.replace(f'("{harmless}")', f'("{value}")')
    if path == ("metadata", "name"):
        return word.replace(f"app/{harmless}/", f"app/{value}/")
    if path[-3:-1] == ("listeners", 0) and path[-1] == "name":
        return re.sub(f"(ls_|certificates/){harmless}", lambda found: found[1] + value, word)
    return word


def is_fit_to_print(fault: Fault) -> bool:
    """One line of a few words, without control characters, and with something to say."""
    return str(fault).isprintable() and len(str(fault)) < 1500 and bool(fault.message)


def test_the_documents_carry_every_field_there_is() -> None:
    assert existing() - set().union(*(carried(document) for document in DOCUMENTS.values())) == set()


@pytest.mark.parametrize(
    ("name", "path"), PLACES, ids=lambda part: part if isinstance(part, str) else repr(Fault(part, "").field)
)
def test_nasty_strings_in_each_field(name: str, path: Path) -> None:
    for nasty in NASTIES:
        if path[0] == "status" or "tolerations" in path:  # carried, never read
            continue
        judge(name, path, nasty)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_ten_megabytes_in_each_field(name: str) -> None:
    cluster_only = ("annotations", "resources", "nodeSelector", "tolerations", "selector", "priorityClassName")
    began = time.process_time()
    for path in leaves(DOCUMENTS[name]):
        if not set(path) & {*cluster_only, "loadBalancerClass"}:
            assert judge(name, path, LONG) == "refused"
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nasty_names_of_fields(name: str) -> None:
    open_to_all = {
        "metadata",
        "status",
        "annotations",
        "nodeSelector",
        "selector",
        "tolerations",
        "resources",
        "requests",
    }
    for path in mappings(DOCUMENTS[name]):
        if set(path) & open_to_all:
            continue
        for nasty in [*sorted({*NASTIES} - {"\ud800"}), LONG, "function-x", "int", "__class__", "model_config"]:
            document = with_value(DOCUMENTS[name], (*path, nasty), "x")
            found = faults(document)
            assert [fault.path for fault in found] == [(*path, nasty)], [str(fault) for fault in found]
            assert [str(fault) for fault in found if not is_fit_to_print(fault)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_values_of_the_wrong_kind(name: str) -> None:
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        10**30,
        1.5,
        float("inf"),
        float("nan"),
        [],
        {},
        ["x"],
        {"x": "y"},
        [[]],
        b"x",
    ]
    for path in leaves(DOCUMENTS[name]):
        for value in values:
            found = faults(with_value(DOCUMENTS[name], path, value))
            assert [str(fault) for fault in found if not is_fit_to_print(fault)] == []


def free_places() -> list[tuple[str, Path, str]]:
    return [
        (key[0], path, regex)
        for key, regex in FREE.items()
        for name, path in PLACES
        if name == key[0] and path[-2:] == key[1:]
    ]


@pytest.mark.parametrize(
    ("name", "path", "regex"), free_places(), ids=lambda part: part[-1] if isinstance(part, tuple) else part[:4]
)
def test_every_string_a_free_field_allows_is_taken_as_it_is(name: str, path: Path, regex: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.from_regex(re.compile(regex, re.ASCII), fullmatch=True))
    def check(value: str) -> None:
        assert judge(name, path, value) == "taken"

    check()


@given(st.sampled_from(PLACES), st.text(st.characters(codec=None), max_size=40))
@settings(max_examples=600, deadline=None)
def test_any_text_in_any_field(place: tuple[str, Path], text: str) -> None:
    name, path = place
    if path[0] != "status" and "tolerations" not in path:
        judge(name, path, text)


_WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)


@given(_WORD)
@settings(max_examples=300, deadline=None)
def test_a_quoted_string_is_one_word_and_the_string_itself(text: str) -> None:
    assert words(f"a {quote(text)} b") == ["a", text, "b"]
    assert words(f"a {quote_format(text)} b") == ["a", text.replace("%", "%%"), "b"]


@given(_WORD)
@settings(max_examples=300, deadline=None)
def test_a_quoted_argument_is_one_word_or_refused(text: str) -> None:
    if set(text) & {'"', "\\"}:
        with pytest.raises(ValueError, match="can't be the argument"):
            quote_fetch("req.cook", text)
    else:
        assert words(f"a {quote_fetch('req.cook', text)} b") == ["a", f'req.cook("{text}")', "b"]


@pytest.mark.parametrize("char", ["\n", "\r", "\0", "\t", "\x1b", "\x7f"])
def test_a_control_character_is_never_quoted(char: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        quote(f"a{char}b")
