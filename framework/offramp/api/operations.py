"""What the control API can do, declared once: to be served, and to be documented."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.api.problems import refuse_parameter
from offramp.api.times import read_time

Kind: TypeAlias = Literal["text", "integer", "time", "flag"]

DEFAULT_LIMIT: Final = 50
#: Rows of one page, at the most: some 1 MB of JSON.
MAX_LIMIT: Final = 500
#: Longer texts in a query are no names or ids of anything.
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
    #: Of integers; the least is 1.
    most: int = MAX_LIMIT

    def read(self, text: str) -> Any:
        """The value that a text stands for; raises `ProblemError` with its name."""
        name = self.name
        if self.choices and text not in self.choices:
            raise refuse_parameter(name, f"{text!r} is none; there are: {', '.join(self.choices)}")
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


LIMIT: Final = Query(
    name="limit", summary="Rows at the most", kind="integer", default=DEFAULT_LIMIT
)
CURSOR: Final = Query(name="cursor", summary="The `cursor` of the page before")
PAGE: Final = (LIMIT, CURSOR)


@attrs.frozen(kw_only=True)
class Call:
    """One request, checked."""

    path: Mapping[str, str]
    #: Every declared parameter; what was not given has its default.
    query: Mapping[str, Any]
    #: As the operation declares it: a struct, or an object as it came.
    body: Any = None
    #: The revision that the caller means, from `If-Match`.
    revision: int | None = None
    #: For the audit log.
    actor: str = "api"


@attrs.frozen(kw_only=True)
class Reply:
    """One answer."""

    data: Any
    #: Of the configuration; becomes the `ETag`.
    revision: int | None = None


Serve: TypeAlias = Callable[[Call], Awaitable[Reply]]


@attrs.frozen(kw_only=True)
class Operation:
    """One method of one path: how it is served, and what its documentation says."""

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
    #: Whether it changes the configuration, so that `If-Match` may say which revision is meant.
    changes: bool = False

    @property
    def name(self) -> str:
        """For documentation: unique among all operations."""
        words = [w.strip("{}") for w in self.path.removeprefix("/api/").split("/")]
        return "_".join([self.method.lower(), *words]).replace(".", "_").replace("-", "_")

    def read_query(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Every parameter's value; raises `ProblemError` for what is unknown, missing or wrong."""
        known = {each.name: each for each in self.query}
        for name in given:
            if name not in known:
                message = f"is unknown; there are: {', '.join(known) or 'none'}"
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
