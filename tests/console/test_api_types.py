"""The console's types of the control API are those of its OpenAPI document."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "framework" / "console" / "api_types.py"


@pytest.fixture(scope="module")
def api_types() -> ModuleType:
    """The generator, which is part of no package."""
    spec = importlib.util.spec_from_file_location("api_types", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_types_are_those_of_the_api(api_types: ModuleType) -> None:
    """Who changes an operation runs `make types`, and the compiler finds each call that broke."""
    written = api_types.TARGET.read_text(encoding="utf-8")
    assert written == api_types.typescript(api_types.document()), "run `make types`"


def test_every_kind_of_schema_has_its_type(api_types: ModuleType) -> None:
    """Optional and nullable keys, names that are no identifiers, lists, maps, choices, comments."""
    thing = {
        "description": "A thing.",
        "properties": {
            "a-b": {"type": "string"},
            "one": {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]},
            "many": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
            "map": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "choice": {"enum": ["x", "y"]},
            "any": {},
        },
        "required": ["one", "many"],
    }
    operation = {
        "summary": "Change a thing",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer"}},
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
            },
            "default": {},
        },
    }
    document = {
        "components": {"schemas": {"Thing": thing}},
        "paths": {"/x/{id}": {"put": operation}},
    }
    assert api_types.typescript(document).partition("\n\n")[2] == (
        "/** A thing. */\n"
        "export interface Thing {\n"
        '  "a-b"?: string;\n'
        "  one: Other | null;\n"
        "  many: (number | null)[];\n"
        "  map?: Record<string, boolean>;\n"
        '  choice?: "x" | "y";\n'
        "  any?: unknown;\n"
        "}\n"
        "\n"
        "export interface Operations {\n"
        "  /** Change a thing */\n"
        '  "PUT /x/{id}": { path: { id: string }; query: { limit?: number }; '
        "body: Record<string, unknown> | undefined; answer: Thing };\n"
        "}\n"
    )
