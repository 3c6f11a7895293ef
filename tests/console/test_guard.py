"""Who may ask the console, judged by headers: values in, values out."""

import pytest
from elbow_console.view.guard import Guard

GUARD = Guard(4321, "key")
MINE = {
    "Host": "127.0.0.1:4321",
    "Authorization": "Bearer key",
    "Origin": "http://127.0.0.1:4321",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_its_own_page_may(method: str) -> None:
    assert GUARD.refusal(method, "/api/choices", MINE) is None


def test_localhost_is_its_own_address_too() -> None:
    assert (
        GUARD.refusal("POST", "/api/check", MINE | {"Host": "localhost:4321", "Origin": "http://localhost:4321"})
        is None
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Host": "evil.example:4321", "Origin": "http://evil.example:4321"}, 421),  # DNS rebinding
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "127.0.0.1:4322"}, 421),
        ({"Host": "127.0.0.1:4321.evil.example"}, 421),
        ({"Host": None}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://localhost:4321"}, 403),
        ({"Origin": "https://127.0.0.1:4321"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": None}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer other"}, 401),
        ({"Authorization": "Bearer k\u00e9y"}, 401),
        ({"Authorization": "key"}, 401),
    ],
)
def test_a_change_by_anyone_else_is_refused(change: dict[str, str | None], status: int) -> None:
    headers = {name: value for name, value in (MINE | change).items() if value is not None}
    refusal = GUARD.refusal("POST", "/api/load-balancers", headers)
    assert refusal
    assert refusal[0] == status


@pytest.mark.parametrize("path", ["/api/stream", "/api/load-balancers/shop/web"])
def test_reading_needs_the_key(path: str) -> None:
    refusal = GUARD.refusal("GET", path, {"Host": "127.0.0.1:4321"})
    assert refusal
    assert refusal[0] == 401


def test_the_page_itself_opens_without_a_key_from_a_link_anywhere_but_is_no_part_of_another_page() -> None:
    link = {"Host": "127.0.0.1:4321", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert GUARD.refusal("GET", "/", link) is None
    assert GUARD.refusal("GET", "/static/main.js", {"Host": "127.0.0.1:4321", "Sec-Fetch-Site": "same-origin"}) is None
    assert GUARD.refusal("GET", "/static/main.js", link | {"Sec-Fetch-Mode": "no-cors"})
