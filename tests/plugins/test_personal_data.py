"""Personal data as advertising platforms want it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from offramp import hash_personal, normalize_email, normalize_name, normalize_phone


@pytest.mark.parametrize(
    ("given", "gmail", "wanted"),
    [
        ("  Ada@Example.COM\n", False, "ada@example.com"),
        ("A.d.a+news@Gmail.com", False, "a.d.a+news@gmail.com"),
        ("A.d.a+news@Gmail.com", True, "ada@gmail.com"),
        ("A.d.a+news@googlemail.com", True, "ada@googlemail.com"),
        ("A.d.a+news@example.com", True, "a.d.a+news@example.com"),
        ("", True, ""),
    ],
)
def test_email_addresses_are_normalised(given: str, *, gmail: bool, wanted: str) -> None:
    """White space and case go; dots and what follows a plus go at Gmail alone, if asked for."""
    assert normalize_email(given, gmail=gmail) == wanted


@pytest.mark.parametrize(
    ("given", "country", "wanted"),
    [
        ("+1 (415) 555-0100", "", "+14155550100"),
        ("0049 30 123456", "1", "+4930123456"),
        ("030/123456", "49", "+4930123456"),
        ("+49 30 123456", "1", "+4930123456"),
        ("415 555 0100", "", "+4155550100"),
        ("none", "49", ""),
        ("none", "", ""),
    ],
)
def test_phone_numbers_are_normalised(given: str, country: str, wanted: str) -> None:
    """They are written as in E.164; the country is put in front where none is given."""
    assert normalize_phone(given, country_code=country) == wanted


def test_a_phone_number_may_have_no_plus() -> None:
    """Some platforms want digits alone."""
    assert normalize_phone("+1 415", plus=False) == "1415"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("  Mary-Jane O'Neil ", "maryjaneoneil"), ("São Paulo", "sãopaulo"), ("Zürich!", "zürich")],
)
def test_names_are_normalised(given: str, wanted: str) -> None:
    """Letters of every language stay; punctuation, symbols and white space go."""
    assert normalize_name(given) == wanted


def test_values_are_hashed_once() -> None:
    """What is a SHA-256 already stays one; nothing stays nothing."""
    once = hash_personal(" Ada@Example.com", normalize_email)
    assert once == sha256(b"ada@example.com").hexdigest()
    assert hash_personal(once) == once
    assert hash_personal(f" {once} ".upper()) == once
    assert hash_personal(None) is None
    assert hash_personal("  ") is None
