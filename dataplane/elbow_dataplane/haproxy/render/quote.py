"""Strings in a HAProxy configuration (HAProxy configuration manual, 2.2)."""


def quote(text: str) -> str:
    """A string as one word that means itself, wherever a plain word is expected.

    Inside single quotes nothing is special but the quote; control characters never get here: no field takes them.
    """
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError(f"a control character can't stand in a configuration: {text!r}")
    return "'" + text.replace("'", "'\\''") + "'"


def quote_format(text: str) -> str:
    """A string as one word that means itself where a log format is expected: % would begin a variable."""
    return quote(text.replace("%", "%%"))


def quote_regex(text: str) -> str:
    """A string as one word of a regular expression that matches itself."""
    special = frozenset(".^$*+?()[]{}|\\/")
    return quote("".join(f"\\{char}" if char in special else char for char in text))
