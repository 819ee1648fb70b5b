"""Generates templates of Liquid: outputs with filters, and the tags that Segment leaves on."""

from __future__ import annotations

from tests.conformance.source import Source

VARIABLES = (
    "type",
    "event",
    "properties.a",
    "properties.b",
    "properties.items",
    "properties.items[0]",
    "properties['c d']",
    "traits.email",
    "userId",
    "missing",
    "properties.items.first",
    "properties",
    "properties.items.size",
    "event.size",
    "name",
    "context",
    "traits",
    "properties.b['a']",
    "timestamp",
    "properties.plan",
    "properties.items.last",
)
LITERALS = (
    '"a"',
    "'b c'",
    "5",
    "-1",
    "1.5",
    "0",
    "true",
    "false",
    "nil",
    "null",
    "empty",
    "blank",
    '""',
    "(1..3)",
)
#: Filters without arguments, and with them; the last ones of each are disabled or unknown.
PLAIN_FILTERS = (
    "upcase",
    "downcase",
    "capitalize",
    "size",
    "strip",
    "lstrip",
    "rstrip",
    "abs",
    "ceil",
    "floor",
    "round",
    "escape",
    "escape_once",
    "url_encode",
    "url_decode",
    "strip_html",
    "strip_newlines",
    "first",
    "last",
    "json",
    "to_integer",
    "sum",
    "compact",
    "join",
    "cgi_escape",
    "uri_escape",
    "slugify",
    "normalize_whitespace",
    "number_of_words",
    "jsonify",
    "inspect",
    "base64_encode",
    "base64_decode",
    "xml_escape",
    "pop",
    "shift",
    "reverse",
    "uniq",
    "sort",
    "map",
    "type",
    "nope",
    "raw",
)
ARGUMENT_FILTERS = (
    "append",
    "prepend",
    "plus",
    "minus",
    "times",
    "divided_by",
    "modulo",
    "default",
    "split",
    "remove",
    "remove_first",
    "remove_last",
    "replace",
    "replace_first",
    "replace_last",
    "truncate",
    "truncatewords",
    "slice",
    "join",
    "at_least",
    "at_most",
    "round",
    "date",
    "where",
    "push",
    "unshift",
    "concat",
    "group_by",
    "find",
)
ARGUMENTS = (
    '"a"',
    '" "',
    '","',
    "2",
    "0",
    "-1",
    "1.5",
    "properties.a",
    "nil",
    '"%Y-%m-%d"',
    '""',
    "3, 2",
    '"a", "b"',
    '5, "…"',
    '"%H:%M:%S"',
    '"%b %e, %Y %Z"',
    '"%s"',
    '"%A %-d %B %y %j %U %L %z %p"',
    '"%+"',
)
OPERATORS = ("==", "!=", "<", ">", "<=", ">=", "contains", "and", "or")
TEXTS = ("", " ", "Hello ", "-", "\n ", "é")
PIECES = 3


def template(source: Source) -> str:
    """A template, sometimes one that cannot be parsed."""
    if source.chance(3):
        return source.pick(
            (
                "{{",
                "{% if %}",
                "{{ a | }}",
                "{% endif %}",
                "{{ 'a }}",
                "{% nope %}",
                "}}",
                "{{}}",
                "x" * 1001,
            )
        )
    made = "".join(
        source.pick(TEXTS) + source.pick(_PARTS)(source) for _ in range(1 + source.below(PIECES))
    )
    return made + source.pick(TEXTS)


def _output(source: Source) -> str:
    opening, closing = source.pick((("{{ ", " }}"), ("{{", "}}"), ("{{- ", " -}}")))
    return opening + _expression(source) + closing


def _expression(source: Source) -> str:
    made = _operand(source)
    for _ in range(source.below(3)):
        made += f" | {_filter(source)}"
    return made


def _filter(source: Source) -> str:
    if source.chance(55):
        return source.pick(PLAIN_FILTERS)
    return f"{source.pick(ARGUMENT_FILTERS)}: {source.pick(ARGUMENTS)}"


def _operand(source: Source) -> str:
    return source.pick(VARIABLES) if source.chance(75) else source.pick(LITERALS)


def _condition(source: Source) -> str:
    made = _operand(source)
    for _ in range(source.below(3)):
        made += f" {source.pick(OPERATORS)} {_operand(source)}"
    return made


def _if(source: Source) -> str:
    tag = source.pick(("if", "if", "unless"))
    middle = "{% elsif " + _condition(source) + " %}c" if source.chance(25) else ""
    middle += "{% else %}" + _output(source) if source.chance(60) else ""
    return (
        "{% "
        + tag
        + " "
        + _condition(source)
        + " %}"
        + _output(source)
        + middle
        + "{% end"
        + tag
        + " %}"
    )


def _assign(source: Source) -> str:
    return "{% assign x = " + _expression(source) + " %}{{ x }}"


def _capture(source: Source) -> str:
    return "{% capture x %}" + _output(source) + "{% endcapture %}{{ x | size }}"


def _other(source: Source) -> str:
    return source.pick(
        (
            "{% comment %}x {{ y }}{% endcomment %}",
            "{% raw %}{{ a }}{% endraw %}",
            "{% increment n %}{% increment n %}",
            "{% decrement n %}",
            "{% echo type %}",
            "{% liquid\n assign a = 1\n echo a %}",
            "{% cycle 'a', 'b' %}",
            "{%- if true -%} a {%- endif -%}",
            "{% for i in properties.items %}{{ i }}{% endfor %}",
            "{% case type %}{% endcase %}",
            "{# comment #}",
            "{% # comment %}",
            "{% tablerow i in (1..2) %}{% endtablerow %}",
            "{% render 'a' %}",
            "{% include 'a' %}",
            "{% layout 'a' %}",
            "{% block a %}b{% endblock %}",
        )
    )


_PARTS = (_output, _output, _output, _if, _assign, _capture, _other)
