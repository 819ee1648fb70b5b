"""A secret is in nothing that could be seen, however it is spelled there."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from yarl import URL

from offramp.http import make_mask, mask_headers, readable

SECRET = 'k3y/with+odd "chars" é\\'


def test_without_secrets_texts_stay_as_they_are() -> None:
    """Nothing is masked where nothing is secret."""
    assert make_mask([])("a text") == "a text"
    assert make_mask([""])("a text") == "a text"


#: Secrets of one to three characters: text -> what is shown of it.
SHORT = {
    "an abc text of a": "an abc text of a",
    "abc": "***",
    "a": "***",
    "abcd": "abcd",
    '{"key":"abc","abc":["a", "b", "abc"],"text":"an abc"}': (
        '{"key":"***","abc":["***", "b", "***"],"text":"an abc"}'
    ),
    '{"n":12,"m":[12],"s":"12"}': '{"n":12,"m":[12],"s":"***"}',
    '"abc"': '"***"',
    "https://a.example/abc?key=abc&a=12": "https://a.example/abc?key=***&a=***",
    '"https://a.example?key=abc"': '"https://a.example?key=***"',
    "key=abc&other=abcd": "key=***&other=abcd",
    "key=a%26b": "key=***",
    "POST https://a.example?key=abc answered 400": "POST https://a.example?key=*** answered 400",
    "it took x=12 s, a=b": "it took x=12 s, a=b",
}


@pytest.mark.parametrize("text", SHORT)
def test_a_short_secret_is_masked_where_it_is_a_value_by_itself(text: str) -> None:
    """It occurs by chance in other text, where masking it would only garble."""
    assert make_mask(["a", "abc", "12", "a&b"])(text) == SHORT[text]


def test_a_secret_that_is_a_common_word_is_masked_everywhere() -> None:
    """From four characters on: a password is one, also where it is a word."""
    assert make_mask(["pass"])("password of a passer-by") == "***word of a ***er-by"


def test_every_occurrence_is_masked() -> None:
    """All secrets, all places; the longer of two that overlap goes whole."""
    mask = make_mask(["token", "token-long", "other"])
    assert mask("token-long, token and other: token") == "***, *** and ***: ***"


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        urlencode({"key": SECRET}),
        str(URL("https://a.example").with_query(key=SECRET)),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
    ],
)
def test_a_secret_is_known_in_urls_and_in_json(spelled: str) -> None:
    """Percent-encoding and escapes change what a secret looks like, not what it tells."""
    masked = make_mask([SECRET])(f"before {spelled} after")
    assert "k3y" not in masked
    assert "chars" not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "***" in masked


@given(st.text(min_size=4, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    """Whatever a secret is made of, it does not stand in the masked text."""
    assume("*" not in secret)
    masked = make_mask([secret])(before + secret + after)
    assert secret not in masked


def test_headers_that_carry_credentials_show_nothing() -> None:
    """Such a header is masked whatever it holds; in others only the secret is."""
    headers = {
        "Authorization": "Bearer unknown-to-the-mask",
        "X-API-Key": "unknown-too",
        "Set-Cookie": "id=1",
        "X-Trace": "of secret-token",
        "Accept": "*/*",
    }
    assert mask_headers(headers, make_mask(["secret-token"])) == {
        "Authorization": "***",
        "X-API-Key": "***",
        "Set-Cookie": "***",
        "X-Trace": "of ***",
        "Accept": "*/*",
    }


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "a longer name:"])
def test_a_secret_is_known_within_base64(before: str) -> None:
    """A partner that quotes the header of Basic authentication tells no secret."""
    mask = make_mask(["s3cr3t-token??>>"])
    for encode in (b64encode, urlsafe_b64encode):
        text = encode(f"{before}s3cr3t-token??>>:more".encode()).decode()
        head, stars, tail = mask(text).partition("***")
        assert stars
        # Whole groups of four characters can be read; the edges tell two bytes at the most.
        shown = b64decode(head[: len(head) // 4 * 4]) + b64decode(tail[len(tail) % 4 :])
        assert len(shown) <= len(f"{before}:more") + 2 * 2


def test_halves_of_characters_become_readable() -> None:
    """What cannot be written as UTF-8 is U+FFFD; all other text stays as it is."""
    assert readable("caf\udce9 \U0001f600") == "caf\ufffd \U0001f600"
