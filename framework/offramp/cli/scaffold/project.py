"""All files of a distribution that `offramp init` makes: path -> text."""

from __future__ import annotations

from collections.abc import Iterator

from offramp._version import __version__
from offramp.cli.scaffold.actions import ActionNames, name_actions, write_action
from offramp.cli.scaffold.declaration import Declaration
from offramp.cli.scaffold.expressions import (
    Expression,
    Text,
    call,
    lay_out,
    mapping,
    sequence,
    signature,
)
from offramp.cli.scaffold.fields import FieldWriter
from offramp.cli.scaffold.module import Module
from offramp.cli.scaffold.names import ProjectNames
from offramp.cli.scaffold.page import write_page
from offramp.cli.scaffold.partner import NAMES, access_of, write_partner
from offramp.definition.destination import OAUTH_SCHEMES

_PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "{title} as a destination of Offramp."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["attrs>=25.4", "offramp>={version}"]

[project.optional-dependencies]
dev = ["mypy", "offramp[testing]"]

[project.entry-points.offramp]
{name} = "{package}.plugin"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]

[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
testpaths = ["tests"]

[tool.mypy]
strict = true
"""

_PLUGIN = '''
@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """The destination of this distribution."""
    return [{variable}]
'''

_SUITE = '''
class TestWhatEveryDestinationOwes(DestinationSuite):
    """The tests of Offramp for all destinations."""

    destination = {variable}
'''

_REQUEST_TEST = '''
{head}
    """A payload with all fields becomes this request: say here what the partner takes."""
    partner.post(f"{{API}}/{path}", payload={{}})
    instance = {instance}
    data = generate_test_data({action}, seed="1")
    run = await instance.test_action("{slug}", mapping=data)
    run.assert_delivered()
    assert run.request.method == "POST"
    assert run.json == {sent}
'''

_README = """\
# {distribution}

{title} as a destination of Offramp.

```
pip install PATH-OF-A-CHECKOUT-OF-OFFRAMP     # nothing is published yet
pip install -e '.[dev]'
pytest
offramp dev                                   # what events become, at each change of the source
offramp catalog {slug}
```

What is left to write: the address in `{package}/partner.py`, the request of each action, and what
its test expects.

{page}"""


def write_project(declaration: Declaration, names: ProjectNames) -> dict[str, str]:
    """The files of a distribution, by their path in its folder."""
    actions = name_actions(declaration.actions)
    dynamic = any(action.asks_for_choices for action in declaration.actions)
    own = dict.fromkeys(NAMES, f"{names.package}.partner")
    own |= {each.action: f"{names.package}.{each.module}" for each in actions}
    own[names.variable] = f"{names.package}.destination"
    values = {
        "distribution": names.distribution,
        "package": names.package,
        "name": names.name,
        "title": declaration.name.replace('"', "'"),
        "version": __version__,
        "slug": declaration.slug,
    }
    modules = {
        "partner": write_partner(declaration, dynamic=dynamic),
        **{
            each.module: write_action(action, each, names)
            for action, each in zip(declaration.actions, actions, strict=True)
        },
        "destination": Module(
            f"{_inline(declaration.name)} as a destination: its actions and presets.",
            [_destination(declaration, names, actions)],
            own={name: home for name, home in own.items() if name != names.variable},
        ),
        "plugin": Module(
            "The hook of this plugin, which Offramp calls.",
            [_PLUGIN.format(variable=names.variable)],
            own=own,
        ),
    }
    tests = Module(
        f"{_inline(declaration.name)}: what every destination owes, and what each action sends.",
        list(_tests(declaration, names, actions)),
        own=own,
    )
    package = f'"""{_inline(declaration.name)} as a destination of Offramp."""\n'
    return {
        "pyproject.toml": _PYPROJECT.format(**values),
        "README.md": _README.format(**values, page=write_page(declaration)),
        f"{names.package}/__init__.py": package,
        f"{names.package}/py.typed": "",
        **{f"{names.package}/{name}.py": each.text() for name, each in modules.items()},
        f"tests/test_{names.variable}.py": tests.text(),
    }


def _destination(
    declaration: Declaration, names: ProjectNames, actions: tuple[ActionNames, ...]
) -> str:
    access = access_of(declaration) is not None
    presets = [_preset(declaration, number) for number in range(len(declaration.presets))]
    written = call(
        "Destination",
        slug=Text(declaration.slug),
        name=Text(declaration.name),
        description=Text(declaration.description) if declaration.description else None,
        settings="Settings",
        scheme=None if declaration.scheme == "custom" else Text(declaration.scheme),
        oauth="OAUTH" if declaration.scheme == "oauth2" else None,
        actions=sequence([each.action for each in actions]),
        presets=sequence(presets) if presets else None,
        extend_request="authenticate" if access else None,
        test_authentication="check_credentials" if access else None,
        audience=_audience(declaration),
    )
    start = f"{names.variable} = "
    return start + lay_out(written, before=len(start))


def _preset(declaration: Declaration, number: int) -> Expression:
    preset = declaration.presets[number]
    writer = FieldWriter(taken=set())
    given = {key: writer.directive(value) for key, value in preset.mapping.items()}
    return call(
        "Preset",
        name=Text(preset.name),
        action=Text(preset.action),
        trigger=None if preset.trigger is None else Text(preset.trigger),
        sync_mode=None if preset.sync_mode is None else Text(preset.sync_mode),
        mapping=mapping(given) if given else None,
    )


def _audience(declaration: Declaration) -> Expression | None:
    audience = declaration.audience
    if audience is None:
        return None
    return call(
        "Audience",
        fields="AudienceSettings" if audience.fields else None,
        mode=Text(audience.mode) if audience.mode != "synced" else None,
        full_sync="True" if audience.full_sync else None,
        create="create_audience",
    )


def _tests(
    declaration: Declaration, names: ProjectNames, actions: tuple[ActionNames, ...]
) -> Iterator[str]:
    oauth = declaration.scheme in OAUTH_SCHEMES
    tokens = 'AuthTokens(access_token="token-of-the-test")'
    suite = _SUITE.format(variable=names.variable)
    yield f"{suite}    auth = {tokens}\n" if oauth else suite
    given = call("integration", names.variable, auth=tokens if oauth else None)
    instance = lay_out(given, indent=4, before=len("instance = "))
    fixtures = "integration: MakeIntegration", "partner: Partner"
    for action, own in zip(declaration.actions, actions, strict=True):
        yield _REQUEST_TEST.format(
            head=signature(f"test_the_request_of_{own.module}", *fixtures, returns="None"),
            path=own.path,
            instance=instance,
            action=own.action,
            slug=own.slug,
            sent="[wire(run.payload)]" if action.batches else "wire(run.payload)",
        )


def _inline(text: str) -> str:
    return " ".join(text.replace('"', "'").replace("\\", "/").split())
