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


def quote_fetch(fetch: str, argument: str) -> str:
    """A fetch with a string as its argument, as one word; the argument may hold anything but a double quote or a backslash."""
    if set(argument) & {'"', "\\"}:
        raise ValueError(f"can't be the argument of a fetch: {argument!r}")
    return quote(f'{fetch}("{argument}")')
