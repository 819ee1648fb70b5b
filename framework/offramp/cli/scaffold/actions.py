"""The module of a scaffold for one action: payload, declaration, and requests left to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from offramp.cli.scaffold.declaration import ActionDeclaration, HookDeclaration
from offramp.cli.scaffold.expressions import (
    Expression,
    Group,
    Item,
    Text,
    call,
    lay_out,
    mapping,
    sequence,
    signature,
)
from offramp.cli.scaffold.fields import FieldWriter
from offramp.cli.scaffold.module import RESERVED_NAMES, Module
from offramp.cli.scaffold.names import ProjectNames, camel, snake
from offramp.cli.scaffold.partner import NAMES, complete
from offramp.definition import SyncMode
from offramp.definition.action import DEFAULT_BATCH_EVENTS

_PERFORM_BATCH = '''
    {perform}
        """Send one payload, where an operator wants no batches."""
        await self.perform_batch(request, [payload])

    {perform_batch}
        """Send a batch: write the request that the partner takes, and its test."""
        body = [wire(each) for each in payloads]
        await request.post(f"{{API}}/{path}", json=body)
'''

_PERFORM = '''
    {perform}
        """Send one payload: write the request that the partner takes, and its test."""
        await request.post(f"{{API}}/{path}", json=wire(payload))
'''

_DYNAMIC = '''
    {head}
        """Fetch the choices of `{place}`."""
        return await fetch_choices(request, query, "{path}")
'''

_SAVE = '''
{head}
    """What is done when a subscription is saved: write the request that the partner takes."""
    answer = await request.post(f"{{API}}/{path}", json=dict(inputs))
    known = answer.json()
    outputs = {outputs}
    return {{key: known[key] for key in outputs}}
'''

_CHOOSE = '''
{head}
    """Fetch the choices of the hook's input `{place}`."""
    return await fetch_choices(request, query, "{path}")
'''
_REQUEST: Final = "request: Request[Settings]"
_QUERY: Final = "query: ChoicesQuery"


@attrs.frozen(kw_only=True)
class ActionNames:
    """What the parts of one action are called."""

    slug: str
    module: str
    action: str
    payload: str

    @property
    def path(self) -> str:
        """The made-up end of the address that the action sends to."""
        return self.module.replace("_", "-")


def name_actions(actions: tuple[ActionDeclaration, ...]) -> tuple[ActionNames, ...]:
    """Name the modules and classes of all actions, none twice."""
    modules = {"destination", "partner", "plugin"}
    classes = set(RESERVED_NAMES)
    names = []
    for action in actions:
        own = ActionNames(
            slug=action.slug,
            module=snake(action.slug, taken=modules, otherwise="action"),
            action=camel(action.slug, taken=classes, otherwise="Action"),
            payload=camel(f"{action.slug} payload", taken=classes, otherwise="Action"),
        )
        modules.add(own.module)
        classes |= {own.action, own.payload}
        names.append(own)
    return tuple(names)


def write_action(
    declaration: ActionDeclaration, names: ActionNames, project: ProjectNames
) -> Module:
    """Write the module of one action."""
    writer = FieldWriter(taken={*RESERVED_NAMES, names.action})
    writer.write_class(
        names.payload,
        complete(declaration.fields),
        maker="field",
        describes=f"What `{names.slug}` sends of an event.",
    )
    hooks = [_Hook(hook, writer) for hook in declaration.hooks]
    home = f"{project.package}.partner"
    return Module(
        f"The action `{names.slug}`.",
        [
            *writer.written,
            *(block for hook in hooks for block in hook.functions()),
            *(hook.value() for hook in hooks),
            _action(declaration, names, hooks),
        ],
        own=dict.fromkeys(NAMES, home),
    )


def _action(declaration: ActionDeclaration, names: ActionNames, hooks: list[_Hook]) -> str:
    base = f"Action[Settings, {names.payload}]"
    lines = [
        lay_out(Group(f"class {names.action}(", (Item(base),), "):")),
        f'    """{_one_line(declaration.title)}."""',
        "",
    ]
    methods = {
        place: snake(f"{place} choices", otherwise="choices")
        for place in declaration.dynamic_fields
    }
    for name, value in _attributes(declaration, methods, hooks):
        start = f"{name} = "
        lines.append(f"    {start}{lay_out(value, indent=4, before=len(start))}")
    parts = ["\n".join(lines), _performing(declaration, names)]
    parts += [
        _DYNAMIC.format(
            head=signature(method, "self", _REQUEST, _QUERY, returns="DynamicChoices", indent=4),
            place=place,
            path=method.removesuffix("_choices"),
        )
        for place, method in methods.items()
    ]
    return "\n\n".join(part.strip("\n") for part in parts)


def _performing(declaration: ActionDeclaration, names: ActionNames) -> str:
    perform = signature(
        "perform", "self", _REQUEST, f"payload: {names.payload}", returns="None", indent=4
    )
    payloads = f"payloads: Sequence[{names.payload}]"
    batch = signature("perform_batch", "self", _REQUEST, payloads, returns="None", indent=4)
    body = _PERFORM_BATCH if declaration.batches else _PERFORM
    return body.format(perform=perform, perform_batch=batch, path=names.path)


def _attributes(
    declaration: ActionDeclaration, methods: dict[str, str], hooks: list[_Hook]
) -> Iterator[tuple[str, Expression]]:
    yield "slug", Text(declaration.slug)
    yield "title", Text(declaration.title)
    yield "description", Text(declaration.description or declaration.title)
    if declaration.hidden:
        yield "hidden", "True"
    if declaration.default_trigger is not None:
        yield "default_trigger", Text(declaration.default_trigger)
    if declaration.batches:
        yield "batch", call("Batch", max_events=f"{DEFAULT_BATCH_EVENTS:_}")
    if declaration.sync_mode is not None:
        yield "sync_mode", _sync_mode(declaration.sync_mode)
    if methods:
        each = {place: Text(method) for place, method in methods.items()}
        yield "dynamic_fields: ClassVar", mapping(each)
    if hooks:
        yield "save_hooks: ClassVar", mapping({hook.name: hook.variable for hook in hooks})


def _sync_mode(mode: SyncMode) -> Expression:
    choices = [sequence([Text(value), Text(label)], "()") for value, label in mode.choices]
    return call(
        "SyncMode",
        default=Text(mode.default),
        label=Text(mode.label),
        description=Text(mode.description),
        choices=sequence(choices, "()"),
    )


class _Hook:
    """Writes one save hook: the functions that it calls, and its declaration."""

    def __init__(self, declaration: HookDeclaration, writer: FieldWriter) -> None:
        self._declaration = declaration
        self._writer = writer
        self.name = declaration.name
        self.variable = snake(f"{declaration.name} hook")
        self._function = snake(f"run {declaration.name}")
        self._choosers = {
            place: snake(f"{declaration.name} {place} choices")
            for place in declaration.dynamic_inputs
        }

    def functions(self) -> Iterator[str]:
        keys = sequence([Text(key) for key in self._declaration.outputs], "()")
        outputs = lay_out(keys, indent=4, before=len("outputs = "))
        given, gives = "inputs: Mapping[str, Any]", "Mapping[str, Any]"
        yield _SAVE.format(
            head=signature(self._function, _REQUEST, given, returns=gives),
            path=self._function.replace("_", "-"),
            outputs=outputs,
        )
        for place, function in self._choosers.items():
            path = function.removesuffix("_choices")
            head = signature(function, _REQUEST, _QUERY, returns="DynamicChoices")
            yield _CHOOSE.format(head=head, place=place, path=path)

    def value(self) -> str:
        declared = self._declaration
        choosers = mapping(dict(self._choosers)) if self._choosers else None
        written = call(
            "SaveHook",
            label=Text(declared.label),
            description=Text(declared.description or declared.label),
            inputs=self._writer.field_dict(complete(declared.inputs)),
            outputs=self._writer.field_dict(declared.outputs),
            perform=self._function,
            dynamic_inputs=choosers,
        )
        start = f"{self.variable} = "
        return start + lay_out(written, before=len(start))


def _one_line(text: str) -> str:
    """A text of metadata as a docstring has it: on one line, without what would end it."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split()).rstrip(".")
