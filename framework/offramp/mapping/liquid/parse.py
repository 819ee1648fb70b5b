"""Parses Liquid into python-liquid's tree, with the grammar and the tags that Segment allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from liquid import Environment, Mode
from liquid.builtin import register
from liquid.builtin.expressions import (
    FilteredExpression,
    KeywordArgument,
    PositionalArgument,
    tokenize,
)
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import parse_boolean_primitive
from liquid.builtin.expressions.primitive import parse_identifier, parse_primitive
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignNode, AssignTag
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.builtin.tags.if_tag import IfTag
from liquid.exceptions import LiquidError
from liquid.stream import TokenStream
from liquid.token import (
    TOKEN_ASSIGN,
    TOKEN_COLON,
    TOKEN_COMMA,
    TOKEN_EOF,
    TOKEN_EXPRESSION,
    TOKEN_OUTPUT,
    TOKEN_PIPE,
    TOKEN_TAG,
    TOKEN_WORD,
)

if TYPE_CHECKING:
    from liquid.ast import Node

#: The longest template, in characters. Source: Segment's actions-core, liquid-directive.
MAX_TEMPLATE_LENGTH = 1000
#: Disabled tags. Source: the same.
DISABLED_TAGS = frozenset({"case", "for", "include", "layout", "render", "tablerow"})
#: Tags of python-liquid that Segment's engine lacks.
FOREIGN_TAGS = frozenset({"doc", "ifchanged"})

# python-liquid lists text, output and errors as tags too, and handles "raw" in its lexer.
_PSEUDO_TAGS = frozenset({"content", "illegal", "output"})
_LEXER_TAG = "raw"
_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_MARKUP = re.compile(
    r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}"
    rf"|(?P<markup>\{{\{{(?:{_QUOTED}|[^'\"])*?\}}\}}|\{{%.*?%\}})",
    re.DOTALL,
)
_PARTS = re.compile(rf"(?P<quoted>{_QUOTED})|(?P<plain>[^'\"]+|['\"])", re.DOTALL)
_END = "{% # %}"
# Words that python-liquid reserves, as names of properties and, unless a tag may have that name,
# as names of variables.
_RESERVED = re.compile(
    r"(?<!\.)\.\s*(?P<property>true|false|nil|null|empty|blank|and|or|contains|not|in|offset|limit"
    r"|reversed|cols|continue|with|for|as|if|else|required)(?![\w?-])"
    r"|(?<![\w-])(?<!(?<!\.)\.)(?P<name>in|offset|limit|reversed|cols|with|as|required)(?![\w?:-])"
)


def parse_template(source: str) -> list[Node]:
    """The tree of a template; raises `ValueError` that says what is wrong and where."""
    try:
        prepared = _MARKUP.sub(_prepare, source)
        # Without markup after it, python-liquid takes a last line break for a separate text, and
        # drops it if the text before it is stripped.
        return _GRAMMAR.parse(prepared + _END if source.endswith("\n") else prepared).nodes
    except LiquidError as error:
        raise ValueError(_describe(error)) from None


def _describe(error: LiquidError) -> str:
    message = str(error.message)
    token = error.token
    if token is not None and token.kind == TOKEN_TAG and token.value in DISABLED_TAGS:
        return f"the tag {token.value!r} is not available in a mapping"
    place = error.context()
    return message if place is None else f"{message} (line {place[0]}, column {place[1] + 1})"


def _prepare(found: re.Match[str]) -> str:
    markup = found["markup"]
    return found[0] if markup is None else _PARTS.sub(_prepare_part, markup)


def _prepare_part(found: re.Match[str]) -> str:
    """Rewrite a part that python-liquid would misread, so that it reads it as Segment does."""
    quoted = found["quoted"]
    if quoted is None:
        return _RESERVED.sub(lambda word: f'["{word["property"] or word["name"]}"]', found[0])
    inner = quoted[1:-1].replace(r"\'", r"\u0027").replace(r"\"", r"\u0022")
    return quoted[0] + inner.replace("}", r"\u007d").replace("%", r"\u0025") + quoted[0]


def _parse_value(environment: Environment, tokens: TokenStream) -> FilteredExpression:
    """A value with its filters; the value may also be a comparison."""
    left = parse_boolean_primitive(environment, tokens)
    filters = []
    while tokens.current.kind == TOKEN_PIPE:
        next(tokens)
        if tokens.current.kind == TOKEN_EOF:
            break  # `{{ a | }}` is `{{ a }}`
        name = tokens.eat(TOKEN_WORD)
        filters.append(Filter(name, name.value, _parse_arguments(environment, tokens)))
    tokens.eat(TOKEN_EOF)
    return FilteredExpression(left.token, left, filters)


def _parse_arguments(
    environment: Environment, tokens: TokenStream
) -> list[KeywordArgument | PositionalArgument]:
    """The arguments of a filter; python-liquid's own parser refuses some values."""
    arguments: list[KeywordArgument | PositionalArgument] = []
    separator = TOKEN_COLON
    while tokens.current.kind == separator:
        next(tokens)
        separator = TOKEN_COMMA
        token = tokens.current
        if token.kind in (TOKEN_COMMA, TOKEN_PIPE, TOKEN_EOF):
            continue
        if token.kind == TOKEN_WORD and tokens.peek.kind == TOKEN_COLON:
            next(tokens)
            next(tokens)
            value = parse_primitive(environment, tokens)
            arguments.append(KeywordArgument(token, token.value, value))
        else:
            arguments.append(PositionalArgument(parse_primitive(environment, tokens)))
    return arguments


class _Output(Output):
    def parse(self, stream: TokenStream) -> OutputNode:
        token = stream.eat(TOKEN_OUTPUT)
        inner = stream.expect(TOKEN_EXPRESSION)
        tokens = TokenStream(tokenize(inner.value, inner))
        return OutputNode(token, _parse_value(self.env, tokens))


class _Echo(EchoTag):
    def parse(self, stream: TokenStream) -> EchoNode:
        token = stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=False)
        return EchoNode(token, _parse_value(self.env, tokens))


class _Assign(AssignTag):
    def parse(self, stream: TokenStream) -> AssignNode:
        token = stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=False)
        name = parse_identifier(self.env, tokens, allow_trailing_question_mark=False)
        tokens.eat(TOKEN_ASSIGN)
        return AssignNode(token, name=name, expression=_parse_value(self.env, tokens))


class _If(IfTag):
    mode = Mode.STRICT


class _Grammar(Environment):
    shorthand_indexes = True
    logical_not_operator = True

    def setup_tags_and_filters(self, **_: Any) -> None:
        register(self)
        for tag in (_Output, _Echo, _Assign, _If):
            self.add_tag(tag)
        for name in DISABLED_TAGS | FOREIGN_TAGS:
            self.tags.pop(name, None)


_GRAMMAR = _Grammar()


def available_tags() -> list[str]:
    """The names of the tags that a template may use."""
    return sorted({*_GRAMMAR.tags, _LEXER_TAG} - _PSEUDO_TAGS)
