"""The declaration of an operation of the control API, from which it is served and documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.api.problems import refuse_parameter
from offramp.api.sessions import Session
from offramp.api.times import read_time

Kind: TypeAlias = Literal["text", "integer", "time", "flag"]

DEFAULT_LIMIT: Final = 50
#: The most rows of one page: about 1 MB of JSON.
MAX_LIMIT: Final = 500
#: The longest text in a query; no name or id is longer.
MAX_TEXT_CHARACTERS: Final = 1_000
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": True}


@attrs.frozen(kw_only=True)
class Query:
    """One parameter of a query."""

    name: str
    summary: str
    kind: Kind = "text"
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    #: The largest integer; the smallest is 1.
    most: int = MAX_LIMIT

    def read(self, text: str) -> Any:
        """Convert a text to the value; raises `ProblemError` that names the parameter."""
        name = self.name
        if self.choices and text not in self.choices:
            raise refuse_parameter(name, f"{text!r} is unknown; use {', '.join(self.choices)}")
        match self.kind:
            case "integer":
                if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= self.most):
                    raise refuse_parameter(name, f"must be a whole number from 1 to {self.most}")
                return int(text)
            case "time":
                try:
                    return read_time(text)
                except ValueError as error:
                    raise refuse_parameter(name, str(error)) from None
            case "flag":
                if text.lower() not in _FLAGS:
                    raise refuse_parameter(name, "must be true or false")
                return _FLAGS[text.lower()]
            case "text":
                if len(text) > MAX_TEXT_CHARACTERS:
                    raise refuse_parameter(name, f"is longer than {MAX_TEXT_CHARACTERS} characters")
                return text

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        match self.kind:
            case "integer":
                return {"type": "integer", "minimum": 1, "maximum": self.most}
            case "flag":
                return {"type": "boolean"}
            case "time":
                return {"type": "string", "description": "ISO 8601, or epoch seconds"}
            case "text":
                return {"type": "string", **({"enum": [*self.choices]} if self.choices else {})}


LIMIT: Final = Query(name="limit", summary="The most rows", kind="integer", default=DEFAULT_LIMIT)
CURSOR: Final = Query(name="cursor", summary="The `cursor` of the previous page")
PAGE: Final = (LIMIT, CURSOR)


@attrs.frozen(kw_only=True)
class Call:
    """One request, checked."""

    path: Mapping[str, str]
    #: The value, or the default, of every declared parameter.
    query: Mapping[str, Any]
    #: The struct that the operation declares, or the JSON object as it was sent.
    body: Any = None
    #: The revision that the caller names in `If-Match`.
    revision: int | None = None
    #: For the audit log.
    actor: str = "api"
    #: The label of the token that the caller has, or signed in with.
    token: str = ""
    #: The session of a caller that has no token.
    session: Session | None = None
    #: The caller's address.
    address: str = ""
    #: The URL by which the caller reached the host; empty if its `Host` header is none.
    host_url: str = ""


@attrs.frozen(kw_only=True)
class Reply:
    """One answer."""

    data: Any
    #: Revision of the configuration; sent as the `ETag`.
    revision: int | None = None
    #: More headers of the answer.
    headers: Mapping[str, str] = attrs.field(factory=dict)


Serve: TypeAlias = Callable[[Call], Awaitable[Reply]]


@attrs.frozen(kw_only=True)
class Operation:
    """One method of one path: how it is served and documented."""

    method: str
    #: With parameters such as `{id}`; a `/` inside a value is written `%2F`.
    path: str
    #: Name of the resource that it belongs to.
    tag: str
    summary: str
    serve: Serve
    #: The type of the answer, from `shapes`.
    answer: Any
    #: A struct, to which the body is converted, or a TypedDict, which only documents it.
    body: Any = None
    #: Whether a request without a body is served too.
    body_optional: bool = False
    query: tuple[Query, ...] = ()
    status: HTTPStatus = HTTPStatus.OK
    #: Whether it changes the configuration, so that `If-Match` is read.
    changes: bool = False
    #: Whether it is served without a token and without a session.
    is_public: bool = False

    @property
    def name(self) -> str:
        """The operation id in the documentation; it is unique."""
        words = [w.strip("{}") for w in self.path.removeprefix("/api/").split("/")]
        return "_".join([self.method.lower(), *words]).replace(".", "_").replace("-", "_")

    def read_query(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Read every parameter; raises `ProblemError` if one is unknown, missing or not valid."""
        known = {each.name: each for each in self.query}
        for name in given:
            if name not in known:
                message = f"is unknown; use: {', '.join(known) or 'none'}"
                raise refuse_parameter(name[:MAX_TEXT_CHARACTERS], message)
        values = {}
        for name, each in known.items():
            if name in given:
                values[name] = each.read(given[name])
            elif each.required:
                raise refuse_parameter(name, f"is missing: {each.summary}")
            else:
                values[name] = each.default
        return values
