"""How much one address may ask for: a school never notices, a flood does, and memory stays small."""

from __future__ import annotations

import pytest

from assistant.web import limits
from assistant.web.limits import ADDRESS, Buckets, Limit, address_of, cost_of

SIGN_IN = ["/", "/static/chat.css", "/static/chat.js", "/static/ayumi.svg", "/signin", "/", "/events"]
CHECK_IN = ["/messages"] * 10


class Watch:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_taken_comes_back_with_time() -> None:
    watch = Watch()
    buckets = Buckets(Limit(burst=2, per_second=0.5, why=""), watch)
    assert [buckets.wait("a"), buckets.wait("a"), buckets.wait("a"), buckets.wait("b")] == [0, 0, 2, 0]
    watch.now = 1.9
    assert buckets.wait("a") == pytest.approx(0.1)
    watch.now = 2.0
    assert buckets.wait("a") == 0
    watch.now = 1000
    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 2]  # never more than the burst


def test_a_class_of_forty_signs_in_at_once_behind_one_address() -> None:
    buckets = Buckets(ADDRESS, Watch())
    assert [buckets.wait("school", cost_of(path)) for path in (SIGN_IN + CHECK_IN) * 40 if path] == [0] * 40 * 17


def test_a_school_of_a_thousand_checks_in_within_five_minutes_behind_one_address() -> None:
    watch = Watch()
    buckets = Buckets(ADDRESS, watch)
    for child in range(1000):
        watch.now = child * 300 / 1000
        assert not any(buckets.wait("school", cost_of(path)) for path in SIGN_IN + CHECK_IN)


def test_one_address_cannot_have_more_than_its_part_for_long() -> None:
    watch = Watch()
    buckets = Buckets(ADDRESS, watch)
    let_in = 0
    for n in range(100_000):  # 10,000 a second, for ten seconds
        watch.now = n / 10_000
        let_in += buckets.wait("flood") == 0
    assert let_in <= ADDRESS.burst + 10 * ADDRESS.per_second + 1


def test_however_many_addresses_come_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KNOWN", 100)
    buckets = Buckets(ADDRESS)
    for n in range(1000):
        buckets.wait(str(n))
    assert len(vars(buckets)["_left"]) == 100


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a socket", "a socket"),
    ],
)
def test_an_address_is_one_household(host: str, address: str) -> None:
    assert address_of({"type": "http", "client": (host, 1)}) == address


def test_whoever_comes_without_an_address_is_unknown() -> None:
    assert address_of({"type": "http", "client": None}) == "unknown"
