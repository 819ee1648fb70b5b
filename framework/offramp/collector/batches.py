"""The body of a batch, cut into the JSON texts of its events, so that one bad event is alone."""

from __future__ import annotations

from typing import Final

import msgspec

from offramp.collector.salvage import Salvaged, salvage
from offramp.errors import EventError, Fault
from offramp.event import Discard

_NULL: Final = msgspec.Raw(b"null")


class Envelope(msgspec.Struct, gc=False, rename="camel"):
    """What stands around the events of a batch; each part is still JSON text."""

    batch: list[msgspec.Raw]
    write_key: msgspec.Raw = _NULL
    sent_at: msgspec.Raw = _NULL
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL


_DECODER = msgspec.json.Decoder(Envelope)


def open_batch(body: bytes) -> Envelope:
    """Cut a batch into its parts; raises `EventError` with what is wrong, and where.

    Of a body that is not JSON as a whole, whatever is whole by itself is taken: where a client
    wrote NaN into one event, the others still arrive.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        message = f'{error}; a batch is an object such as {{"batch": [EVENT, ...]}}'
        raise EventError([Fault("$", message)], reason=Discard.BAD_REQUEST) from None
    except (msgspec.DecodeError, RecursionError) as error:
        salvaged = salvage(body)
        if salvaged is None or not salvaged.members:
            message = f"the body is not JSON: {error}"
            raise EventError([Fault("$", message)], reason=Discard.NOT_JSON) from None
        return _envelope(salvaged)


def _envelope(salvaged: Salvaged) -> Envelope:
    around = {key: msgspec.Raw(text) for key, text in salvaged.around.items()}
    return Envelope(
        [msgspec.Raw(text) for text in salvaged.members],
        write_key=around.get("writeKey", _NULL),
        sent_at=around.get("sentAt", _NULL),
        context=around.get("context", _NULL),
        integrations=around.get("integrations", _NULL),
    )
