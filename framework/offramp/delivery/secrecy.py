"""Finds the secrets in the payloads of a subscription, and masks them in what is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config import Subscription, change_secrets, referenced_values
from offramp.config.secrets import secrets_by_place
from offramp.definition import MASK, Fields
from offramp.errors import DeliveryError
from offramp.http import Mask, make_mask, readable
from offramp.http.masking import SHORTEST_SECRET

#: The mask that `make_mask` returns if there are no secrets.
_NOTHING_TO_HIDE: Final = str


@attrs.frozen(kw_only=True)
class PayloadSecrets:
    """The secret fields of an action, and the values that a mapping writes into them."""

    #: Empty if no field is secret; then payloads are not searched.
    fields: Fields
    #: Masks the literals of the mapping, the values of its references, and secrets of save hooks.
    literals: Mask = attrs.field(default=_NOTHING_TO_HIDE, repr=False)
    #: Whether the value of a secret field may differ from event to event.
    varies: bool = False

    def mask(self, base: Mask, payloads: Iterable[Mapping[str, Any]] = ()) -> Mask:
        """Make a mask of what `base` masks, and of the secrets in some payloads."""
        if not self.fields and self.literals is _NOTHING_TO_HIDE:
            return base
        values = {v for each in payloads for v in self._values(each)} if self.varies else set()
        masks = [self.literals, make_mask(values), base]
        needed = [each for each in masks if each is not _NOTHING_TO_HIDE]
        return partial(_one_by_one, needed) if needed else base

    def mask_wires(self, base: Mask, wires: Callable[[], Iterable[bytes]]) -> Mask:
        """Make the same mask for payloads in JSON, which are written only if it needs them."""
        if not self.fields or not self.varies:
            return self.mask(base)
        return self.mask(base, map(_json.loads, wires()))

    def shown(self, payload: Any) -> Any:
        """Mask a payload for display: each secret is `***`, however short."""
        if not self.fields or not isinstance(payload, Mapping):
            return payload
        known = {key: value for key, value in payload.items() if key in self.fields}
        hidden = change_secrets(self.fields, known, lambda _, v: None if v is None else MASK)
        return {**payload, **hidden}

    def _values(self, payload: Mapping[str, Any]) -> Iterable[str]:
        known = {key: value for key, value in payload.items() if key in self.fields}
        for value in secrets_by_place(partial(change_secrets, self.fields, known)).values():
            yield from texts_of(value)


def payload_secrets(
    fields: Fields,
    subscription: Subscription,
    resolved: Mapping[str, Any],
    given: Collection[str] = (),
) -> PayloadSecrets:
    """Find the secrets in payloads of a mapping; `resolved` is it with references resolved.

    `given` are secrets that save hooks gave.
    """
    if not any(field.holds_secrets for field in fields.values()):
        return PayloadSecrets(fields={}, literals=make_mask(given))
    mapped = {
        key: value
        for key, value in resolved.items()
        if key not in fields or fields[key].holds_secrets
    }
    written = [value for value in mapped.values() if not isinstance(value, Mapping | list)]
    read = referenced_values(subscription.mapping, resolved)
    return PayloadSecrets(
        fields=fields,
        literals=make_mask(
            {text for value in [*written, *read, *given] for text in texts_of(value)}
        ),
        varies=len(written) < len(mapped),
    )


def texts_of(value: Any) -> Iterable[str]:
    """List every text and number in a value, as text."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _one_by_one(masks: Iterable[Mask], text: str) -> str:
    for mask in masks:
        text = mask(text)
    return text


def masked_texts(data: Any, mask: Mask, *, keys: Mask = str) -> Any:
    """Mask the texts of JSON data, and each number that is a secret."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {keys(key): masked_texts(item, mask, keys=keys) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [masked_texts(item, mask, keys=keys) for item in data]
    if data is None or isinstance(data, bool):
        return data
    # A number that only contains a secret's digits is not masked.
    return MASK if mask(str(data)) == MASK else data


def shown_code(error: DeliveryError, mask: Mask) -> str:
    """Mask the code of an error for storage; codes of Offramp itself are never masked."""
    own = error.code in (type(error).code, str(error.status))
    return error.code if own else readable(mask(error.code))


def masked_json(document: bytes, mask: Mask) -> bytes:
    """Mask the texts and keys of a JSON text; the result is always valid JSON."""
    text = document.decode()
    if mask(text) == text:
        return document
    return _json.dumps(masked_texts(_json.loads(document), mask, keys=partial(_masked_key, mask)))


def _masked_key(mask: Mask, key: str) -> str:
    # Short secrets are masked only as values, not as keys.
    return key if len(key) < SHORTEST_SECRET else mask(key)


def masked_origin(origin: Mapping[str, Any], secrets: PayloadSecrets) -> dict[str, Any]:
    """Remove the values of secret fields from the explanation of a mapping."""
    shown = {**origin, "value": secrets.shown(origin["value"])}
    children = []
    for child in origin["children"]:
        key = child["place"].removeprefix("$.").partition(".")[0].partition("[")[0]
        field = secrets.fields.get(key)
        is_plain = field is not None and not field.holds_secrets
        children.append(child if is_plain or not secrets.fields else _without_values(child))
    return {**shown, "children": children}


def _without_values(origin: Mapping[str, Any]) -> dict[str, Any]:
    children = [_without_values(child) for child in origin["children"]]
    value = MASK if origin["found"] and origin["value"] is not None else None
    return {**origin, "value": value, "children": children}
