"""What is secret in the payloads of one subscription, and how it is kept out of what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

#: What `make_mask` makes of no secrets.
_NOTHING_TO_HIDE: Final = str


@attrs.frozen(kw_only=True)
class PayloadSecrets:
    """The secret fields of an action, and what a mapping writes into them."""

    #: Empty where none is secret: then nothing is looked for.
    fields: Fields
    #: Masks what the mapping writes out, and what its references stand for.
    literals: Mask = attrs.field(default=_NOTHING_TO_HIDE, repr=False)
    #: Whether a secret field may have another value with each event.
    varies: bool = False

    def mask(self, base: Mask, payloads: Iterable[Mapping[str, Any]] = ()) -> Mask:
        """A mask of what `base` masks, and of the secrets of some payloads too."""
        if not self.fields:
            return base
        values = {v for each in payloads for v in self._values(each)} if self.varies else set()
        masks = [self.literals, make_mask(values), base]
        needed = [each for each in masks if each is not _NOTHING_TO_HIDE]
        return partial(_one_by_one, needed) if needed else base

    def mask_wires(self, base: Mask, wires: Iterable[bytes]) -> Mask:
        """The same for payloads as JSON."""
        if not self.fields or not self.varies:
            return self.mask(base)
        return self.mask(base, map(_json.loads, wires))

    def shown(self, payload: Any) -> Any:
        """A payload as a person may see it: each secret is `***`, however short."""
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
    fields: Fields, subscription: Subscription, resolved: Mapping[str, Any]
) -> PayloadSecrets:
    """What to hide of the payloads that a mapping makes; `resolved` has its references read."""
    if not any(field.holds_secrets for field in fields.values()):
        return PayloadSecrets(fields={})
    mapped = {
        key: value
        for key, value in resolved.items()
        if key not in fields or fields[key].holds_secrets
    }
    written = [value for value in mapped.values() if not isinstance(value, Mapping | list)]
    read = referenced_values(subscription.mapping, resolved)
    return PayloadSecrets(
        fields=fields,
        literals=make_mask({text for value in [*written, *read] for text in texts_of(value)}),
        varies=len(written) < len(mapped),
    )


def texts_of(value: Any) -> Iterable[str]:
    """Every text and number in a value, as text."""
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
    """JSON data with a mask over each of its texts, and for each number that is a secret."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {keys(key): masked_texts(item, mask, keys=keys) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [masked_texts(item, mask, keys=keys) for item in data]
    if data is None or isinstance(data, bool):
        return data
    # A number that only contains a secret's digits does so by chance.
    return MASK if mask(str(data)) == MASK else data


def shown_code(error: DeliveryError, mask: Mask) -> str:
    """The code of an error as it may be kept; those that Offramp gives are no secrets."""
    own = error.code in (type(error).code, str(error.status))
    return error.code if own else readable(mask(error.code))


def masked_json(document: bytes, mask: Mask) -> bytes:
    """JSON text with a mask over its texts and keys: it stays JSON, whatever the secrets are."""
    text = document.decode()
    if mask(text) == text:
        return document
    return _json.dumps(masked_texts(_json.loads(document), mask, keys=partial(_masked_key, mask)))


def _masked_key(mask: Mask, key: str) -> str:
    # Short secrets are masked where they are values only.
    return key if len(key) < SHORTEST_SECRET else mask(key)


def masked_origin(origin: Mapping[str, Any], secrets: PayloadSecrets) -> dict[str, Any]:
    """The explanation of a mapping with no value that goes into a secret field."""
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
