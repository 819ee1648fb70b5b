"""The cost of growth is measured on what it says: configurations, shares, and what is left out."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from benchmarks.__main__ import PARTS, steps_of
from benchmarks.data import make_event, now
from benchmarks.delivering import rate_between, rate_without_start
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.engines import growth_question
from benchmarks.growth import GROWTH_TARGET, ONE, Side, grown, make_sides
from benchmarks.host import (
    NO_PARTNER,
    OTHER_TRIGGER,
    SAME_NAME_TRIGGER,
    make_dead_config,
    subscriptions_of,
)
from benchmarks.latency import PACED_BATCH, percentile_ms, waits_of
from benchmarks.load import make_requests
from benchmarks.measurements import BEFORE, OURS, Measurement
from benchmarks.ours import make_round
from benchmarks.processes import BenchmarkError
from benchmarks.report import WIDTH, show
from benchmarks.trees import HERE
from rich.console import Console

from offramp import _json
from offramp.fql import compile_trigger
from offramp.plugins import load_catalog, load_plugins


def _wanted(config: dict[str, Any], event: dict[str, Any]) -> list[str]:
    return [
        each["id"]
        for instance in config["instances"].values()
        for each in instance["subscriptions"]
        if compile_trigger(each["trigger"]).matches(event)
    ]


@pytest.mark.parametrize("effort", [FULL, QUICK], ids=lambda each: each.name)
def test_every_event_goes_to_the_subscription_that_its_side_says(effort: Effort) -> None:
    """One subscription matches each event: the only one, the dead one, or that of its name."""
    at = now()
    sides = make_sides(effort)
    most = effort.growth[-1]
    assert [len(subscriptions_of(side.config)) for side in sides] == [
        *effort.growth,
        most,
        most,
        most,
    ]
    for side in sides:
        for number in (0, 1, side.names - 1, side.names):
            event = make_event(number, now=at, names=side.names)
            assert _wanted(side.config, event) == [side.subscriptions[number % side.names]]


@pytest.mark.parametrize("shared", [False, True], ids=["one gets the rest", "all share"])
def test_the_last_of_many_instances_is_dead(*, shared: bool) -> None:
    """It posts where nobody listens, all others to the partner of the measurement."""
    config = make_dead_config(10, shared=shared)
    *living, dead = config["instances"].values()
    assert dead["settings"] == {"url": NO_PARTNER}
    assert {each["destination"] for each in living} == {"metronome-actions"}
    plugins = load_plugins(files=map(Path, config["plugin_files"]))
    assert dead["destination"] in load_catalog(plugins)
    assert Path(config["plugin_files"][0]).parent == HERE.root / "benchmarks"


def test_what_goes_to_the_dead_is_not_waited_for() -> None:
    """Of ten that share events in turn, nine tenths arrive, wherever the counting begins."""
    side = Side(name="10", config={}, subscriptions=tuple("abcdefghij"), dead=True)
    assert side.living(range(1_000)) == 900
    assert side.living(range(5, 15)) == 9
    assert [number for number in range(20) if not side.lives(number)] == [9, 19]
    assert Side(name=ONE, config={}).living(range(7)) == 7


@pytest.mark.parametrize("other", [OTHER_TRIGGER, SAME_NAME_TRIGGER], ids=["names", "one name"])
def test_of_many_subscriptions_one_makes_a_payload(other: str) -> None:
    """The others' triggers are good ones that no event here fulfils."""
    question = growth_question(now(), other, 100)
    events = [_json.loads(text) for text in question["events"]]
    assert len(set(question["others"])) == 99
    matching = [text for text in question["others"] if compile_trigger(text).matches(events[0])]
    assert matching == []
    assert make_round(question)().keys() == question["mapping"].keys()


def test_the_worst_case_shares_its_event_name() -> None:
    """The name tells none of its triggers apart: the index has to find what does."""
    event = make_event(0, now=now())["event"]
    names = [
        compile_trigger(text).needs.get(("event",)) for text in (OTHER_TRIGGER, SAME_NAME_TRIGGER)
    ]
    assert [event in (found or ()) for found in names] == [False, True]


def test_requests_name_their_events_in_turn() -> None:
    """A batch of events that ten share has each of the names once."""
    spec = {"count": 1, "batch": 10, "start": 0, "size": "seed", "now": now().isoformat()}
    (request,) = make_requests({**spec, "write_key": "key", "names": 10})
    batch = _json.loads(request.partition(b"\r\n\r\n")[2])["batch"]
    assert [each["event"] for each in batch] == [f"billing_event_{n}" for n in range(10)]


def test_how_late_an_event_is_counts_from_its_own_batch() -> None:
    """Events that the dead got leave gaps, and shift nobody into another batch."""
    start = 100
    arrived = {start: 10.5, start + PACED_BATCH - 1: 10.25, start + PACED_BATCH: 19.0}
    assert waits_of(start, [10.0, 20.0], arrived) == [0.5, 0.25, 0.0]


def test_a_percentile_is_of_each_round() -> None:
    """In milliseconds, one for each round."""
    rounds = [[n / 1_000 for n in range(1, 100)], [0.5] * 10]
    assert percentile_ms(rounds, 50) == pytest.approx([50.0, 500.0])


def test_a_rate_is_of_what_came_meanwhile() -> None:
    """Without the start it counts from a tenth on; the moments before and after do not count."""
    seen = [(1.0, 0), (2.0, 5), (3.0, 10), (4.0, 60), (5.0, 100)]
    assert rate_without_start(seen, 100) == 45.0
    assert rate_between(seen[0], seen[-1]) == 25.0
    with pytest.raises(BenchmarkError, match="too few"):
        rate_without_start([(1.0, 0), (2.0, 100)], 100)


def test_growth_stands_beside_one_subscription() -> None:
    """Three times the cost is allowed, of less or of more, but for what has another target."""
    times = {ONE: [10.0, 20.0], "100": [30.0, 60.0], "worst": [50.0, 100.0], "free": [1.0, 2.0]}
    values = {(OURS, name): measured for name, measured in times.items()}
    targets = {"worst": 0.5, "free": None}
    measurements = list(grown("g", "ms", values, less_is_better=True, targets=targets))
    assert [each.name for each in measurements] == ["100", "worst", "free"]
    assert [each.ratio(ONE) for each in measurements] == pytest.approx([1 / 3, 1 / 5, 10])
    assert [each.target for each in measurements] == [GROWTH_TARGET, 0.5, None]
    assert [each.reached for each in measurements] == [True, False, None]
    faster = next(grown("g", "events/s", values, suffix=", p50"))
    assert faster.name == "100, p50"
    assert faster.ratio(ONE) == 3.0
    assert faster.reached is True


def test_growth_of_the_commit_before_has_lines_of_its_own() -> None:
    """What 100 cost then is told twice: beside 100 now, and beside one subscription of then."""
    values = {
        (OURS, ONE): [100.0],
        (BEFORE, ONE): [50.0],
        (OURS, "100"): [60.0],
        (BEFORE, "100"): [15.0],
        (OURS, "10"): [90.0],
    }
    now, then, not_compared = grown("g", "events/s", values)
    assert (now.name, now.ratio(ONE), now.now_by_before) == ("100", 0.6, 4.0)
    assert (then.name, then.ratio(ONE), then.target) == ("100, before", 0.3, None)
    assert (not_compared.name, not_compared.now_by_before) == ("10", None)


def test_a_step_that_two_parts_have_runs_once() -> None:
    """`growth` is the growth of all the others, so a run of everything measures it once."""
    steps = steps_of(PARTS)
    assert len(steps) == len(set(steps))
    assert set(PARTS["growth"]) <= set(steps_of(part for part in PARTS if part != "growth"))
    assert steps_of(["growth"]) == list(PARTS["growth"])


def test_the_table_fits_a_terminal_of_a_hundred_columns() -> None:
    """The longest names and values wrap or fit; no column is cut off."""
    measurement = Measurement(
        group="growth: a group of measurements that has a long name of its own",
        name="10 instances, 1 matches: the dead one",
        unit="events/s",
        ours=[10_849_660.0, 21_000_000.0],
        peers={"parseFql + validate": [10_327_925.0, 20_000_000.0]},
        target=1 / 3,
        target_peer="parseFql + validate",
    )
    written = StringIO()
    show(Console(file=written, width=WIDTH), [measurement])
    text = written.getvalue()
    assert max(map(len, text.splitlines())) <= WIDTH
    for message in ("target", "0.333x", "yes", "15,924,830/s ±32%", "15,163,962/s ±32%", "1.05x"):
        assert message in text
