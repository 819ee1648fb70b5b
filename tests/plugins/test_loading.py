"""Plugins are found, named and registered; a broken one is told, and the rest runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.small import declares, make_destination, make_plugin

from offramp import hookimpl
from offramp.place import place_of
from offramp.plugins import BLOCKED_VARIABLE, Plugins, hook_names, load_catalog, load_plugins

DECLARES = """
from offramp import Destination, hookimpl
import attrs

@attrs.frozen
class Settings:
    pass

@hookimpl
def offramp_destinations():
    return [Destination(slug={slug!r}, name="From a file", settings=Settings, actions=[])]
"""


def load(*extra: object, files: list[Path] | None = None, **options: Any) -> Plugins:
    return load_plugins(extra=extra, files=files or [], installed=False, **options)


def slugs(plugins: Plugins) -> list[str]:
    return [destination.slug for _, destination in plugins.destinations()]


def test_the_way_out_of_a_file_names_the_file(tmp_path: Path) -> None:
    """An operator who named a file can take it out of the list again."""
    path = tmp_path / "site.py"
    path.write_text("import no_such_library")
    [problem] = load(files=[path]).problems
    assert problem.file == path
    assert problem.remedy == (
        f"fix {path}, take it out of `plugin_files`, or block it with OFFRAMP_BLOCKED_PLUGINS=site"
    )


def messages(plugins: Plugins) -> list[str]:
    return [str(problem) for problem in plugins.problems]


def test_nothing_is_loaded_by_importing(tmp_path: Path) -> None:
    """Only a call makes a manager, and each call a new one."""
    one, two = load(declares("one", make_destination())), load()
    assert one.names == ("one",)
    assert two.names == ()


def test_files_are_plugins_named_for_their_stem(tmp_path: Path) -> None:
    """An operator drops a Python file beside the configuration; it needs no packaging."""
    path = tmp_path / "site_extras.py"
    path.write_text(DECLARES.format(slug="dropped-in"))
    plugins = load(files=[path])
    assert plugins.names == ("site_extras",)
    assert slugs(plugins) == ["dropped-in"]
    assert messages(plugins) == []


def test_a_file_may_be_named_like_a_library(tmp_path: Path) -> None:
    """`json.py` neither replaces the library nor is taken for it."""
    library = sys.modules["json"]
    path = tmp_path / "json.py"
    path.write_text(DECLARES.format(slug="named-json"))
    assert slugs(load(files=[path])) == ["named-json"]
    assert sys.modules["json"] is library


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """A host that is started again sees what the file says now."""
    path = tmp_path / "changing.py"
    path.write_text(DECLARES.format(slug="before"))
    assert slugs(load(files=[path])) == ["before"]
    path.write_text(DECLARES.format(slug="afterwards"))
    assert slugs(load(files=[path])) == ["afterwards"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "from offramp import hookimpl\n@hookimpl\ndef offramp_destinatons(): pass",
            "there is no hook 'offramp_destinatons'; there are offramp_options, ",
        ),
        (
            "from offramp import hookimpl\n@hookimpl\ndef offramp_settings(target): pass",
            "Argument(s) {'target'}",
        ),
        (
            "import offramp\n@offramp.hookimpl(wrapper=True)\ndef offramp_destinations(): yield",
            "offramp_destinations is a wrapper; write a plain function",
        ),
    ],
    ids=["raises", "lacks a library", "syntax", "exits", "unknown hook", "argument", "wrapper"],
)
def test_a_plugin_that_cannot_be_loaded_is_told_and_the_rest_runs(
    tmp_path: Path, text: str, cause: str
) -> None:
    """Name and cause are told; no hook of it is called, and every other plugin is heard."""
    path = tmp_path / "broken.py"
    path.write_text(text)
    plugins = load(declares("sound", make_destination()), files=[path])
    [problem] = plugins.problems
    assert problem.plugin == "broken"
    assert cause in problem.cause
    assert plugins.names == ("sound",)
    assert slugs(plugins) == ["small"]
    assert len(plugins.problems) == 1


def test_a_plugin_that_fails_half_way_leaves_no_hook_behind() -> None:
    """Hooks that were registered before the faulty one are taken back."""

    class HalfWay:
        @hookimpl
        def offramp_destinations(self) -> list[Any]:
            return [make_destination("never-seen")]

        @hookimpl
        def offramp_settings(self, wrong: Any) -> None:
            """Asks for an argument that there is not."""

    plugins = load(HalfWay())
    assert [problem.plugin for problem in plugins.problems] == [HalfWay.__qualname__]
    assert plugins.names == ()
    assert slugs(plugins) == []


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that holds nothing, or nothing that is Python, is a problem like any other."""
    (tmp_path / "notes.txt").write_text("not Python")
    plugins = load(files=[tmp_path / "absent.py", tmp_path / "notes.txt"])
    assert [problem.plugin for problem in plugins.problems] == ["absent", "notes"]
    assert all("is not a Python file" in problem.cause for problem in plugins.problems)


def test_two_plugins_of_one_name_are_told(tmp_path: Path) -> None:
    """The first keeps the name and stays in use."""
    plugins = load(declares("same", make_destination()), declares("same", make_destination("b")))
    assert messages(plugins) == [
        "plugin 'same': another plugin has this name; it is left out: rename one of them"
    ]
    assert slugs(plugins) == ["small"]


def test_blocked_plugins_are_left_out(tmp_path: Path) -> None:
    """A blocked plugin is not even imported, wherever it comes from."""
    trace = tmp_path / "imported"
    path = tmp_path / "blocked_file.py"
    path.write_text(f"open({str(trace)!r}, 'w').close()")
    plugins = load(
        declares("unwanted", make_destination()),
        declares("wanted", make_destination("kept")),
        files=[path],
        blocked=["unwanted", "blocked_file"],
    )
    assert plugins.names == ("wanted",)
    assert slugs(plugins) == ["kept"]
    assert not trace.exists()
    assert messages(plugins) == []


def test_the_environment_blocks_plugins_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OFFRAMP_BLOCKED_PLUGINS` lists names, with commas and spaces between them."""
    monkeypatch.setenv(BLOCKED_VARIABLE, "one, two,,")
    extra = [declares(name, make_destination(name)) for name in ("one", "two", "three")]
    assert load(*extra).names == ("three",)


def test_installed_plugins_are_found_by_their_entry_points() -> None:
    """The Metronome plugin is installed beside the framework, and can be blocked by its name."""
    assert "metronome-actions" in load_catalog(load_plugins())
    assert "metronome-actions" not in load_catalog(load_plugins(blocked=["metronome"]))
    assert "metronome-actions" not in load_catalog(load_plugins(installed=False))


def test_a_hook_that_raises_is_set_down_and_the_rest_is_heard() -> None:
    """An exception in one plugin's hook names plugin, hook and cause."""

    def offramp_destinations() -> Any:
        raise ValueError("no such region")

    plugins = load(
        make_plugin("faulty", offramp_destinations=offramp_destinations),
        declares("sound", make_destination()),
    )
    catalog = load_catalog(plugins)
    assert list(catalog) == ["small"]
    [problem] = catalog.problems
    place = place_of(
        offramp_destinations.__code__, offramp_destinations.__code__.co_firstlineno + 1
    )
    assert str(problem) == (
        "plugin 'faulty': offramp_destinations failed: ValueError: no such region "
        f"({place}); it is left out: "
        "fix or uninstall it, or block it with OFFRAMP_BLOCKED_PLUGINS=faulty"
    )


def test_a_generator_that_raises_half_way_counts_for_nothing() -> None:
    """Half of what a plugin declares would be a riddle; none of it is taken."""

    def offramp_destinations() -> Any:
        yield make_destination("first")
        raise ValueError("no second")

    plugins = load(make_plugin("faulty", offramp_destinations=offramp_destinations))
    assert slugs(plugins) == []
    assert "no second" in messages(plugins)[0]


@pytest.mark.parametrize(
    ("hook", "answer", "cause"),
    [
        ("offramp_destinations", make_destination(), "is not of type Iterable"),
        ("offramp_destinations", ["small"], "'small' is not of type Destination"),
        ("offramp_settings", {"a": 1}, "is not of type type"),
        ("offramp_actions", [object()], "is not a class that extends Action"),
        ("offramp_default_mapping", ["id"], "is not of type Mapping"),
        ("offramp_presets", [{"name": "x"}], "is not of type Preset"),
        ("offramp_directives", ["@upper"], "is not of type Mapping"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_set_down(hook: str, answer: Any, cause: str) -> None:
    """What a hook returns is checked where it is returned, under the plugin's name."""
    catalog = load_catalog(
        load(
            declares("sound", make_destination()),
            make_plugin("faulty", **{hook: lambda: answer}),
        )
    )
    assert list(catalog) == ["small"]
    [problem] = catalog.problems
    assert problem.plugin == "faulty"
    assert problem.cause.startswith(f"{hook} failed: TypeError: ")
    assert cause in problem.cause


def test_an_observer_that_keeps_failing_is_one_problem() -> None:
    """Observers are called for as long as a host runs: their failures must not pile up."""
    calls = []

    def offramp_settled(outcomes: Any) -> None:
        calls.append(outcomes)
        raise OSError(f"disk full, time {len(calls)}")

    plugins = load(make_plugin("observer", offramp_settled=offramp_settled))
    for _ in range(3):
        plugins.settled([])
    assert len(calls) == 3
    place = place_of(offramp_settled.__code__, offramp_settled.__code__.co_firstlineno + 2)
    cause = f"OSError: disk full, time 3 ({place})"
    assert messages(plugins) == [
        f"plugin 'observer': offramp_settled failed: {cause}: fix the plugin"
    ]


def test_hook_names_lists_the_specifications() -> None:
    """The names are those that a message offers to a plugin with an unknown one."""
    assert "offramp_destinations" in hook_names()
    assert len(set(hook_names())) == len(hook_names())
