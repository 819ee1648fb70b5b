"""Segment's published destinations are measured on what it says: batches, singles, both sides."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import attrs
import pytest
from benchmarks.data import now
from benchmarks.delivering import ON_EVENT, Partner, partner
from benchmarks.effort import QUICK
from benchmarks.measurements import Bench
from benchmarks.processes import get_json
from benchmarks.published import (
    BATCHES,
    KEPT,
    SINGLES,
    Case,
    Run,
    describe_busier,
    measure,
    measurements_of,
)
from benchmarks.setup import install_published

EFFORT = attrs.evolve(QUICK, host_rounds=1, warm_seconds=0.0, published_seconds=0.0)


@pytest.fixture
def far() -> Iterator[Partner]:
    with partner(module="benchmarks.peers.partner") as running:
        yield running


def requests_of(far: Partner) -> int:
    return int(get_json(f"{far.url}/_emulator/stats")["requests"])


def test_the_partner_counts_events_however_they_come(far: Partner) -> None:
    """One in pieces, then a batch on the same connection; it is closed when that is asked for."""
    with socket.create_connection(("127.0.0.1", far.port)) as sock:
        for body, more in ((b'{"a":1}', b""), (b'{"batch":[1,2,3]}', b"Connection: close\r\n")):
            head = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n%s\r\n" % (len(body), more)
            for piece in (head[:30], head[30:], body[:3], body[3:]):
                sock.sendall(piece)
            assert sock.recv(1_000).startswith(b"HTTP/1.1 200 OK\r\n")
        assert sock.recv(1) == b""
    assert (far.stored(), requests_of(far)) == (4, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "count", "full"), [(BATCHES, 1_000, 50), (SINGLES, 200, 1)], ids=["batches", "singles"]
)
def test_both_sides_deliver_all_to_the_partner(
    far: Partner, monkeypatch: pytest.MonkeyPatch, case: Case, count: int, full: int
) -> None:
    """The host in requests of so many events, the engine one in each; both report their work."""
    install_published()
    monkeypatch.setattr("benchmarks.published.EVENTS", 50)
    runs = measure(case, count, Bench(effort=EFFORT, now=now()), far)
    # Each engine goes round its events three times: to be checked, warm, and timed.
    engine = 2 * 3 * 50
    assert far.stored() == engine + count
    assert requests_of(far) == engine + count / full
    rate, *processor = measurements_of(case, runs)
    assert rate.peers.keys() == {ON_EVENT, KEPT}
    assert rate.reached is not None
    whole, host, worker = (each.ours[0] for each in processor)
    assert whole == pytest.approx(host + worker)
    assert min(host, worker) > 0


def test_the_busier_process_is_named() -> None:
    """The share of a core is the processor time of an event, times the events of a second."""
    slow = Run(rate=1_000, main=0.000_2, worker=0.000_9)
    odd = Run(rate=10, main=0.05, worker=0.000_1)
    assert describe_busier([slow, odd, slow]) == (
        "busier: the worker; host 20% of a core, worker 90%"
    )
    assert describe_busier([odd]).startswith("busier: the host; host 50%")
