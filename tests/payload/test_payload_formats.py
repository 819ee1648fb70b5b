"""Formats and dates by their tables: what ajv-formats, dayjs and V8 said of each text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp import _json
from offramp.definition import Field
from offramp.errors import PayloadError
from offramp.js.dates import parse_js_date
from offramp.payload import compile_check, is_date_like, parse_date_like
from offramp.payload.formats import FORMATS
from offramp.payload.formats.addresses import _URI, _WEB, is_email
from offramp.payload.formats.dates import MAX_DATE_CHARACTERS

TABLES = Path(__file__).with_name("tables")
DATES: list[dict[str, Any]] = _json.loads((TABLES / "dates.json").read_bytes())
TEXTS: dict[str, dict[str, list[str]]] = _json.loads((TABLES / "formats.json").read_bytes())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_MS = timedelta(milliseconds=1)
#: The milliseconds that a datetime of Python can hold.
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
#: Lengths of numeric texts that are moments here, and years of the Middle Ages to dayjs.
EPOCH_LENGTHS = (10, 13)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_takes_what_ajv_takes(name: str) -> None:
    """Each recorded text passes or fails as it did there."""
    test, _ = FORMATS[name]
    for text in TEXTS[name]["valid"]:
        assert test(text), text
    for text in TEXTS[name]["invalid"]:
        assert not test(text), text


def test_every_format_has_a_table() -> None:
    """No format goes unproven."""
    assert TEXTS.keys() == FORMATS.keys()


def test_a_text_is_a_date_where_dayjs_takes_it() -> None:
    """Each recorded text passes the check of a datetime field or not, as it did there."""
    for row in DATES:
        assert is_date_like(row["text"]) is row["passes"], row["text"]


def test_a_text_is_a_moment_where_javascript_takes_it() -> None:
    """Each recorded text is the millisecond that V8 answered with, or none."""
    for row in DATES:
        assert parse_js_date(row["text"]) == row.get("js"), row["text"]


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-02 10:00 " + " " * 200,
        "Jan 2 2020 " + "()" * 16_000,
        "a " * 16_000 + "2020",
        "2020" + "1" * 31_000,
        "2020" + "1" * 31_000 + ".5e",
        "1." * 16_000,
    ],
)
def test_a_text_of_any_length_is_checked_at_once(text: str) -> None:
    """JavaScript would read the first ones as dates, at 10 µs a character; no date is so long."""
    assert not is_date_like(text)
    with pytest.raises(ValueError, match="is not a date and time"):
        parse_date_like(text)


def test_the_longest_date_is_read() -> None:
    """Any number of decimal digits behind a time in the usual form, and 200 characters else."""
    text = "Jan 2 2020".ljust(MAX_DATE_CHARACTERS)
    assert parse_date_like(text) == datetime(2020, 1, 2, tzinfo=UTC)
    text = f"2020-02-30T10:00:00.{'0' * 500}Z"
    assert is_date_like(text)
    assert parse_date_like(text) == datetime(2020, 3, 1, 10, tzinfo=UTC)


def test_a_checked_date_is_the_moment_that_dayjs_makes_of_it() -> None:
    """To the millisecond, save for fractions that are not of three digits, and epoch texts."""
    for row in DATES:
        text, utc = row["text"], row.get("utc")
        if not row["passes"] or utc is None or not FIRST_MS <= utc <= LAST_MS:
            continue
        if text.isdecimal() and len(text) in EPOCH_LENGTHS:
            continue
        assert abs((parse_date_like(text) - EPOCH) // ONE_MS - utc) < 1000, text


@pytest.mark.parametrize(
    "row", [row for row in DATES if row["passes"]], ids=lambda row: row["text"]
)
def test_a_checked_date_structures_or_says_that_the_years_end(row: dict[str, Any]) -> None:
    """What passes the check is a time, unless Python's calendar has no place for it."""
    try:
        time = parse_date_like(row["text"])
    except ValueError as error:
        assert str(error) == "lies outside the years 1 to 9999"  # noqa: PT017 - either way is right
    else:
        assert time.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("1590000000", "2020-05-20T18:40:00+00:00"),
        ("1590000000000", "2020-05-20T18:40:00+00:00"),
        (1590000000000, "2020-05-20T18:40:00+00:00"),
        (Decimal("1590000000000.9"), "2020-05-20T18:40:00+00:00"),
        (1590000000000.0, "2020-05-20T18:40:00+00:00"),
        ("2020", "2020-01-01T00:00:00+00:00"),
        ("2020-01-01", "2020-01-01T00:00:00+00:00"),
        ("2020-01-01T10:00:00", "2020-01-01T10:00:00+00:00"),
        ("2020-01-01T10:00:00.5", "2020-01-01T10:00:00.500000+00:00"),
        ("2020-01-01T10:00:00.1234567", "2020-01-01T10:00:00.123456+00:00"),
        ("2020-01-01T10:00:00.123456Z", "2020-01-01T10:00:00.123456+00:00"),
        ("2020-01-01T10:00:00+05:30", "2020-01-01T04:30:00+00:00"),
        ("2020-02-30T00:00:00Z", "2020-03-01T00:00:00+00:00"),
        ("-8640000000000", "lies outside"),
        ("5", "2001-05-01T00:00:00+00:00"),
        ("0.5", "2000-05-01T00:00:00+00:00"),
        ("0.075", "1970-01-01T00:00:00.075000+00:00"),
        (10**20, "lies outside"),
        (-62135596800001, "lies outside"),
        (float("nan"), "is not a date"),
        (True, "is not a date"),
        (None, "is not a date"),
        ("yesterday", "is not a date"),
        (datetime(2020, 1, 1, 10), "2020-01-01T10:00:00+00:00"),  # noqa: DTZ001 - the zone is missing on purpose
        (datetime(2020, 1, 1, tzinfo=UTC), "2020-01-01T00:00:00+00:00"),
    ],
)
def test_a_date_is_read_as_utc(value: Any, time: str) -> None:
    """Seconds, milliseconds and texts of every precision become one aware time, or none."""
    try:
        assert parse_date_like(value).isoformat() == time
    except ValueError as error:
        assert str(error).startswith(time)  # noqa: PT017 - the table says which of them fail


def test_a_format_is_checked_after_coercion_and_told() -> None:
    """A text that fails its format is shown, with an example of what is wanted."""
    check = compile_check({"mail": Field(label="Mail", type="string", format="email")})
    with pytest.raises(PayloadError) as caught:
        check({"mail": 5})
    assert str(caught.value) == (
        'payload @ $.mail: the string "5" came, '
        "but a mail address such as ada@example.com is wanted"
    )


def parts(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


@given(parts(_WEB.pattern.replace("++", "+").replace("*+", "*").replace("?+", "?")))
def test_the_short_way_takes_no_more_than_the_whole_rule(text: str) -> None:
    """What it takes for an address of the web is a URI by the full rule."""
    assert _URI.fullmatch(text)


@given(
    parts(r"[a!.]{0,4}@?[a9.-]{0,9}@?[a.-]{0,5}")
    | parts(r"[a!]{1,2}(\.[a!]){0,2}@([a9]-{0,2}[a9]?\.){0,3}[a9]-{0,2}[a9]?")
)
def test_a_mail_address_is_what_the_rule_of_ajv_says(text: str) -> None:
    """The pattern that never turns back takes the same texts as the one of ajv-formats."""
    atom, label = "[a9!-]+", "[a9](?:[a9-]*[a9])?"
    rule = rf"{atom}(?:\.{atom})*@(?:{label}\.)+{label}"
    assert is_email(text) is bool(re.fullmatch(rule, text))
