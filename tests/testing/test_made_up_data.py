"""Made-up data passes the check by construction, and events made backwards yield it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.testing.billing import SendUsage, Settings, Usage, billing

from offramp import Choice, Field, array_path, coalesce, literal, path, template, when
from offramp.definition import Fields
from offramp.mapping import compile_mapping
from offramp.payload import compile_check
from offramp.testing import create_test_event, generate_test_data, generate_test_event

FORMATS = [
    "date", "time", "date-time", "uri", "uri-reference", "uri-template", "email", "hostname",
    "ipv4", "ipv6", "regex", "uuid", "password", "text",
]  # fmt: skip
KEYS = st.text("abcdefghij_", min_size=1, max_size=8)


def some(**properties: Any) -> st.SearchStrategy[Field]:
    return st.builds(
        Field,
        label=st.just("Field"),
        required=st.one_of(st.booleans(), st.just(when("other")), st.just(when("x", is_=1))),
        multiple=st.booleans(),
        allow_null=st.booleans(),
        **properties,
    )


def plain_fields() -> st.SearchStrategy[Field]:
    bounds = st.one_of(
        st.none(), st.integers(-50, 50), st.floats(-50, 50).map(lambda f: round(f, 2))
    )
    return st.one_of(
        some(type=st.sampled_from(["text", "password", "datetime", "boolean", "object"])),
        some(type=st.just("string"), format=st.sampled_from([None, *FORMATS])),
        some(type=st.just("string"), choices=st.just(["a", Choice("b", "B")])),
        some(
            type=st.just("string"),
            minimum=st.one_of(st.none(), st.integers(0, 20)),
            maximum=st.one_of(st.none(), st.integers(20, 300)),
        ),
        some(type=st.sampled_from(["number", "integer"]), minimum=bounds),
        some(type=st.sampled_from(["number", "integer"]), maximum=bounds),
        some(type=st.just("number"), minimum=st.just(0.25), maximum=st.just(0.75)),
        some(type=st.just("number"), minimum=st.just(-8), maximum=st.just(-3.5)),
    )


def all_fields() -> st.SearchStrategy[dict[str, Field]]:
    shaped = some(
        type=st.just("object"),
        properties=st.dictionaries(KEYS, plain_fields(), max_size=4),
        additional_properties=st.booleans(),
    )
    return st.dictionaries(KEYS, st.one_of(plain_fields(), shaped), max_size=6)


@given(fields=all_fields(), seed=st.text(max_size=5), only_required=st.booleans())
def test_whatever_the_fields_their_data_passes_their_check(
    fields: Fields, seed: str, *, only_required: bool
) -> None:
    """Data of any fields, complete or not, is accepted, and the same for the same seed."""
    data = generate_test_data(fields, seed=seed, only_required=only_required)
    compile_check(fields)(data)
    assert data == generate_test_data(fields, seed=seed, only_required=only_required)
    assert only_required or data.keys() == fields.keys()


@pytest.mark.parametrize(
    ("minimum", "maximum", "start"),
    [
        (None, None, "https://example.com/"),
        (None, 20, "https://"),
        (60, None, "https://example.com/"),
    ],
)
def test_a_uri_is_an_address_that_requests_can_go_to(
    minimum: int | None, maximum: int | None, start: str
) -> None:
    """Settings and fields of the format `uri` are most often where a destination sends to."""
    url = Field(label="URL", type="string", format="uri", minimum=minimum, maximum=maximum)
    fields = {"url": url}
    assert generate_test_data(fields)["url"].startswith(start)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "bounds", [{"maximum": 12}, {"minimum": 90}, {"minimum": 36, "maximum": 40}]
)
def test_formats_are_kept_within_bounds_or_refused(form: Any, bounds: dict[str, Any]) -> None:
    """A text has its format and its length; where that cannot be, the field is named."""
    fields = {"it": Field(label="It", type="string", required=True, format=form, **bounds)}
    if _is_long_enough(form, **bounds):
        compile_check(fields)(generate_test_data(fields))
    else:
        with pytest.raises(ValueError, match=f"field 'it': no {form}"):
            generate_test_data(fields)


def _is_long_enough(form: str, *, minimum: int = 0, maximum: int = 1_000) -> bool:
    """Whether a format has texts of that length, where it is not of any."""
    lengths = {"date": 10, "time": 13, "date-time": 24, "ipv4": 11, "ipv6": 12, "uuid": 36}
    return form not in lengths or minimum <= lengths[form] <= maximum


@pytest.mark.parametrize(
    "field",
    [
        Field(label="It", type="integer", minimum=0.2, maximum=0.8),
        Field(label="It", type="number", minimum=2, maximum=1),
        Field(label="It", type="string", minimum=9, maximum=8),
        Field(label="It", type="string", choices=["long"], maximum=2),
    ],
)
def test_a_field_that_nothing_fits_is_named(field: Field) -> None:
    """No data is better than data that fails somewhere else."""
    with pytest.raises(ValueError, match="field 'it'"):
        generate_test_data({"it": field})


def test_data_can_be_made_of_whatever_has_fields() -> None:
    """An action, its instance, its payload class, settings, or the fields themselves."""
    keys = {"id", "customer", "at", "properties"}
    for has_fields in (SendUsage, SendUsage(), Usage, SendUsage.fields):
        assert generate_test_data(has_fields).keys() == keys
    assert generate_test_data(Settings).keys() == {"apiToken", "url"}
    assert generate_test_data(SendUsage, only_required=True).keys() == keys - {"properties"}


def test_the_seed_is_the_slug_unless_given() -> None:
    """Data of different seeds differs; without one it is that of the action's slug."""
    assert generate_test_data(SendUsage) == generate_test_data(SendUsage, seed="sendUsage")
    assert generate_test_data(SendUsage) != generate_test_data(SendUsage, seed="other")


def text(**properties: Any) -> Field:
    return Field(**{"label": "Text", "type": "string", "required": True, **properties})


BACKWARDS: dict[str, tuple[Field, Any]] = {
    "a path": (text(), path("$.properties.a.b")),
    "a path with brackets": (text(), path('$.properties["a b"]')),
    "a path into a list": (text(), path("$.properties.items.1.name")),
    "a path through what is no object": (text(), path("$.properties.plan.name")),
    "a template of one value": (text(), template("{{ context.ip }}")),
    "the first of two": (text(), coalesce(path("$.userId"), path("$.anonymousId"))),
    "what is not blank": (
        text(),
        {"@if": {"blank": path("$.traits.x"), "then": path("$.traits.x"), "else": path("$.a")}},
    ),
    "a list of objects": (
        text(type="object", multiple=True, properties={"sku": text()}),
        array_path("$.properties.products", {"sku": path("$.id")}),
    ),
    "a list as it is": (text(multiple=True), {"@arrayPath": ["$.properties.tags"]}),
    "an object": (
        text(type="object", properties={"plan": text(), "seats": text(type="integer")}),
        {"plan": path("$.traits.plan"), "seats": path("$.context.traits.seats")},
    ),
    "JSON in a text": (
        text(type="object"), {"@json": {"mode": "decode", "value": path("$.properties.json")}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_mapping_makes_of_the_event_what_the_event_was_made_from(name: str) -> None:
    """Event and mapping together give the very data that was generated."""
    field, default = BACKWARDS[name]
    fields = {"it": field}
    event = generate_test_event(fields, {"it": default}, seed="x")
    made = compile_check(fields)(compile_mapping({"it": default})(event))
    assert made == generate_test_data(fields, seed="x")


def test_a_required_field_has_the_say_where_two_look_at_one_place() -> None:
    """The optional field gets what the required one needs, whatever the order."""
    fields = {"maybe": text(required=False, format="email"), "always": text(type="datetime")}
    mapping = {"maybe": path("$.timestamp"), "always": path("$.timestamp")}
    event = generate_test_event(fields, mapping)
    assert event["timestamp"] == generate_test_data(fields)["always"]


def test_what_has_no_default_and_what_is_fixed_leave_the_event_as_it_is() -> None:
    """Nothing is put where no mapping looks, and an event keeps its type."""
    fields = {"fixed": text(), "bare": text(), "kind": text()}
    event = generate_test_event(
        fields, {"fixed": literal("x"), "kind": path("$.type")}, messageId="m", type="page"
    )
    assert event == create_test_event(type="page", messageId="m")


def test_values_given_are_laid_over_those_made_up() -> None:
    """A test can fix some fields, and leave the others to be made up."""
    event = generate_test_event(SendUsage, values={"customer": "acme"})
    assert event["context"]["groupId"] == "acme"
    assert event["messageId"] == generate_test_data(SendUsage)["id"]


def test_events_of_different_seeds_have_different_ids() -> None:
    """Even where no field looks at the id of the message."""
    fields = {"it": text()}
    ids = {generate_test_event(fields, {}, seed=str(n))["messageId"] for n in range(5)}
    assert len(ids) == 5


def test_defaults_are_the_mapping_unless_one_is_given() -> None:
    """An action's own defaults are read backwards."""
    event = generate_test_event(billing.actions[0])
    data = generate_test_data(billing.actions[0])
    assert event["properties"] == data["properties"]
    assert event["timestamp"] == data["at"]


def test_fractions_are_exact() -> None:
    """A number between bounds without a whole one is their middle, to the digit."""
    fields = {"it": Field(label="It", type="number", minimum=0.1, maximum=0.2)}
    assert generate_test_data(fields) == {"it": Decimal("0.15")}
