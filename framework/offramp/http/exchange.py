"""One request and its answer, with secrets masked and bodies cut, to be stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from offramp.definition import OutgoingRequest, Response
from offramp.http.masking import Mask, mask_headers, readable

#: Enough to read most bodies whole; a batch of 100 usage events has about 30 KB.
MAX_BODY_CHARACTERS: Final = 64_000
#: Of a call with several requests, the number of requests before the last that are kept, and the
#: characters of all their bodies together: a record stays within about 0.3 MB.
MAX_EARLIER: Final = 9
MAX_EARLIER_CHARACTERS: Final = 128_000
#: Source: RFC 9110, section 9.2.1, "Safe Methods".
_SAFE_METHODS: Final = frozenset({"get", "head", "options"})
_CUT: Final = "… ({} characters in all)"


@attrs.frozen(kw_only=True)
class Exchange:
    """A request and its answer, or the `error` if there was no answer."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int | None = None
    #: What the partner wrote beside the status; empty where it wrote nothing.
    reason: str = ""
    response_headers: Mapping[str, str] = attrs.field(factory=dict)
    response_body: str = ""
    error: str | None = None
    seconds: float = 0.0
    #: Earlier exchanges of the same call, oldest first, and the number of those left out.
    earlier: tuple[Exchange, ...] = ()
    left_out: int = 0

    @property
    def reads_only(self) -> bool:
        """Whether a request of this method changes nothing at the partner."""
        return self.method.lower() in _SAFE_METHODS

    def as_data(self) -> dict[str, Any]:
        """The exchange as JSON data; `reason`, `earlier`, `left_out` only if they are not empty."""
        data = attrs.asdict(self, recurse=False) | {
            "request_headers": dict(self.request_headers),
            "response_headers": dict(self.response_headers),
        }
        del data["earlier"], data["left_out"]
        if not self.reason:
            del data["reason"]
        if self.earlier:
            data["earlier"] = [each.as_data() for each in self.earlier]
        if self.left_out:
            data["left_out"] = self.left_out
        return data


def kept(exchanges: Sequence[object], *, dropped: int = 0) -> Exchange | None:
    """The last exchange of a call, with as many earlier ones as fit; None if there is none.

    `dropped` is the number of exchanges that were removed from the list. Other objects in the
    list are ignored, since a plugin can write to it.
    """
    found = [each for each in exchanges if isinstance(each, Exchange)]
    if not found:
        return None
    *before, last = found
    if not before and not dropped:
        return last
    earlier: list[Exchange] = []
    room = MAX_EARLIER_CHARACTERS
    for each in reversed(before[-MAX_EARLIER:]):
        room -= len(each.request_body) + len(each.response_body)
        if room < 0:
            break
        earlier.insert(0, each)
    left_out = dropped + len(before) - len(earlier)
    return attrs.evolve(last, earlier=tuple(earlier), left_out=left_out)


def record(
    outgoing: OutgoingRequest,
    *,
    mask: Mask,
    response: Response | None = None,
    error: BaseException | None = None,
    seconds: float = 0.0,
) -> Exchange:
    """Record one exchange, with secrets masked and bodies cut to `MAX_BODY_CHARACTERS`.

    aiohttp decodes header bytes that are not UTF-8 to lone surrogates, which have no JSON form.
    """

    def shown(text: str) -> str:
        return readable(mask(text))

    return Exchange(
        method=outgoing.method,
        url=shown(outgoing.url),
        request_headers=mask_headers(outgoing.headers, shown),
        request_body=_capped(outgoing.body, shown),
        status=None if response is None else response.status,
        reason="" if response is None else shown(response.reason),
        response_headers={} if response is None else mask_headers(response.headers, shown),
        response_body="" if response is None else _capped(response.body, shown),
        error=None if error is None else shown(str(error) or type(error).__name__),
        seconds=seconds,
    )


def _capped(body: bytes | None, mask: Mask) -> str:
    if not body:
        return ""
    text = mask(body.decode(errors="replace"))
    if len(text) <= MAX_BODY_CHARACTERS:
        return text
    return text[:MAX_BODY_CHARACTERS] + _CUT.format(len(text))
