"""`offramp init`: projects that pass their tests at once, by kind and from metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli import projects

from offramp import _json
from offramp.cli.program import run as run_command
from offramp.cli.scaffold import read_declaration
from offramp.errors import DefinitionError
from offramp.plugins import manifest
from offramp.testing import create_test_integration
from offramp_segment.definitions import index
from offramp_segment.destination import load as load_segment
from offramp_segment.options import Options

#: What each kind is made with.
KINDS: dict[str, list[str]] = {
    "without-access": ["--auth", "none"],
    "by-token": [],
    "by-login": ["--auth", "basic"],
    "by-oauth": ["--auth", "oauth2"],
    "in-batches": ["--batch"],
}
#: Destinations of Segment that have, between them, all that metadata can declare: nested objects,
#: conditions, choices, dynamic fields, save hooks, sync modes, audiences, and odd names.
SAMPLE = (
    "actions-slack",
    "actions-braze-cloud",
    "actions-linkedin-conversions",
    "actions-vwo-cloud",
)
METADATA: dict[str, Any] = {
    "slug": "odd",
    "name": 'The "odd" one',
    "authentication": {"scheme": "custom", "fields": {"url": {"type": "string", "label": "URL"}}},
    "actions": {
        "send-1st": {
            "title": 'Says "hello"\\',
            "fields": {
                "path": {"type": "string", "default": {"@path": "$.userId"}},
                "class": {"type": "string", "default": {"@template": "{{event}}"}},
                "user_id": {"type": "string"},
                "userId": {"type": "integer", "minimum": 1},
                "datetime": {"type": "datetime", "required": True},
                "items": {
                    "type": "object",
                    "multiple": True,
                    "properties": {"Item": {"type": "number"}, "items": {"type": "boolean"}},
                    "default": {
                        "@arrayPath": ["$.properties.products", {"Item": {"@path": "$.p"}, "x": 1}]
                    },
                },
                "nowhere": {"type": "string", "default": {"@path": "$.email"}},
            },
        }
    },
    "presets": [
        {"name": "P", "partnerAction": "send-1st", "subscribe": 'type = "Identify"'},
        {"name": "P", "partnerAction": "send-1st", "subscribe": 'type = "identify"'},
        {"name": "Q", "partnerAction": "none"},
        {"name": "R", "partnerAction": "send-1st", "type": "specificEvent", "eventSlug": "r"},
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of each kind."""
    folder = tmp_path_factory.mktemp("projects")
    for name, options in KINDS.items():
        assert run_command(["init", name, *options, "--folder", str(folder / name)]) == 0
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_passes_its_tests_at_once(made: Path, kind: str) -> None:
    """All of the suite and a test of each action's request, and nothing for a formatter to do."""
    output = projects.run(made / kind, "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in output
    assert "failed" not in output
    projects.check_style(made / kind)


def test_projects_are_typed(made: Path, tmp_path: Path) -> None:
    """Mypy --strict has nothing to say of any kind."""
    cache = str(tmp_path / "cache")
    files = [str(path) for path in made.glob("*/*/*.py")]
    folders = tuple(made / kind for kind in KINDS)
    projects.run(made, "mypy", "--strict", "--cache-dir", cache, *files, paths=folders)


def test_a_preset_and_the_readme_say_what_the_project_does(made: Path) -> None:
    """A new author's README has the table of the fields that the module declares."""
    readme = (made / "by-token" / "README.md").read_text()
    assert "| `occurredAt` | datetime | yes | `$.timestamp` | When it was done |" in readme
    entry = projects.load(made / "by-token", "by-token")
    assert [preset.trigger for preset in entry.presets] == ['type = "track"']


@pytest.mark.parametrize("slug", SAMPLE)
def test_metadata_becomes_a_project_that_declares_the_same(slug: str, tmp_path: Path) -> None:
    """Fields, conditions, sync modes and dynamic fields of Segment's destinations are kept."""
    options = Options()
    segment = create_test_integration(load_segment(index()[slug], options.pools))
    # As a file has it: everything is JSON.
    metadata = _json.loads(_json.dumps(manifest(segment.entry)))
    name = f"from-{slug}"
    projects.make(tmp_path, name, metadata)
    entry = projects.load(tmp_path, name)
    assert list(projects.lost(entry, metadata)) == []
    assert list(projects.faults(entry, segment.catalog.directives)) == []
    projects.check_style(tmp_path)


def test_a_page_says_all_of_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    """Defaults are in words, choices and properties are there, and no text leaves its cell."""
    assert run_command(["docs", "hubspot"]) == 0
    page = capsys.readouterr().out
    assert "| `$.traits.email, or else $.context.traits.email` |" in page
    assert "Sync modes: `upsert`, `add`, `update`; `upsert` by default." in page
    assert "`firstname: $.traits.firstName, or else $.traits.first_name`<br>`lastname: " in page
    assert run_command(["docs", "webhook"]) == 0
    assert "The HTTP method. One of `POST`, `PUT`, `PATCH` |" in capsys.readouterr().out


def test_odd_names_and_what_comes_to_nothing(tmp_path: Path) -> None:
    """Names that Python means something else by, texts with quotes, faults of the metadata."""
    types = "types are track, identify, page, screen, group, alias, delete"
    trigger = f"""'type = "Identify"' of 'P': no event has the type "Identify": {types}"""
    left_out = projects.make(tmp_path, "odd", METADATA)
    assert left_out == (
        "of the mapping of 'send-1st.items' 'x': no properties of the object",
        "the mapping of 'send-1st.nowhere': no event has '$.email'",
        f"the trigger {trigger}",
        "the preset 'Q': there is no action 'none'",
        "the preset 'R': its events come from Segment itself",
    )
    assert "passed" in projects.run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")
    entry = projects.load(tmp_path, "odd")
    assert [(each.name, each.trigger) for each in entry.presets] == [
        ("P", None),
        ("P (2)", 'type = "identify"'),
    ]
    projects.check_style(tmp_path)


def test_every_fault_of_metadata_is_told_with_its_place() -> None:
    """Nothing is written for a file that is not metadata."""
    with pytest.raises(DefinitionError) as refused:
        read_declaration(
            {
                "slug": "a",
                "authentication": {"scheme": "magic", "fields": {"key": {"type": "secret"}}},
                "actions": {
                    "send": {"title": "Send", "fields": {"a": {"type": "text", "properties": 1}}},
                    "1st": {"title": "First", "syncMode": {"label": "L", "choices": [1]}},
                },
                "audienceConfig": {"mode": {"type": "daily"}},
                "presets": {"name": "P"},
            }
        )
    places = {fault.place: fault.message for fault in refused.value.faults}
    assert places["$.authentication.scheme"].startswith("'magic' is no scheme; use one of")
    assert places["$.authentication.fields.key.type"].startswith("'secret' is not a field type")
    assert places["$.actions.send.fields.a.properties"].startswith("is an object of fields")
    assert places["$.actions.1st"] == "'1st' is not a name: letters, digits, - and _"
    assert places["$.actions.1st.syncMode.choices[0]"] == "is an object, not 1"
    assert places["$.audienceConfig.mode.type"] == "is realtime or synced, not 'daily'"
    assert places["$.presets"] == "is a list, not {'name': 'P'}"
    assert places["$.name"] == "is a text, not None"


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["My_CRM"], "'My_CRM' is no name for a project: use lower-case words with hyphens"),
        (["crm", "--from", "absent.json"], "absent.json cannot be read: No such file"),
        (["crm", "--from", "absent.json", "--batch"], "say what the file of --from says"),
        (["crm", "--folder", "."], ". exists and is not empty: name another with --folder"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    arguments: list[str],
    saying: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A project that is there already is never written over."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    assert run_command(["init", *arguments]) == 2
    assert saying in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
