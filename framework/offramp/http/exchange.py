"""One request and its answer, as they may be kept and shown: masked and capped in size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from offramp.definition import Outgoing, Response
from offramp.http.masking import Mask, mask_headers, readable

#: Enough to read what was sent and answered; a batch of 100 usage events has about 30 KB.
MAX_BODY_CHARACTERS: Final = 64_000
_CUT: Final = "… ({} characters in all)"


@attrs.frozen(kw_only=True)
class Exchange:
    """What was sent and what came back; `error` where no answer came."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int | None = None
    response_headers: Mapping[str, str] = attrs.field(factory=dict)
    response_body: str = ""
    error: str | None = None
    seconds: float = 0.0

    def as_data(self) -> dict[str, Any]:
        """The exchange as JSON data."""
        return attrs.asdict(self)


def record(
    outgoing: Outgoing,
    *,
    mask: Mask,
    response: Response | None = None,
    error: BaseException | None = None,
    seconds: float = 0.0,
) -> Exchange:
    """Set down one exchange, secrets masked, bodies cut to `MAX_BODY_CHARACTERS`.

    aiohttp gives what is not UTF-8 in a header as halves of characters, which have no JSON form.
    """

    def shown(text: str) -> str:
        return readable(mask(text))

    return Exchange(
        method=outgoing.method,
        url=shown(outgoing.url),
        request_headers=mask_headers(outgoing.headers, shown),
        request_body=_capped(outgoing.body, shown),
        status=None if response is None else response.status,
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
