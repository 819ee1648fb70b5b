"""Writes the TypeScript types of the control API from its OpenAPI document: src/api-types.ts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from offramp.api import HostContext, operations_of
from offramp.api.openapi import describe

TARGET: Final = Path(__file__).with_name("src") / "api-types.ts"
_HEADER: Final = """\
// The types of the control API, written by api_types.py from the OpenAPI document: do not edit.

"""
_SCALARS: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


class _NoHost:
    """Stands in for a host: the description of the operations asks nothing of it."""

    def __getattr__(self, name: str) -> None:
        return None


def document() -> dict[str, Any]:
    """Describe the control API as OpenAPI, without a host."""
    return describe(operations_of(cast("HostContext", _NoHost())))


def typescript(openapi: Mapping[str, Any]) -> str:
    """Write all schemas as types, and `Operations`: what each operation takes and answers."""
    schemas = openapi["components"]["schemas"]
    parts = [_declaration(name, schemas[name]) for name in sorted(schemas)]
    operations = "".join(_operations(openapi["paths"]))
    return _HEADER + "\n".join([*parts, f"export interface Operations {{\n{operations}}}\n"])


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = f"/** {schema['description']} */\n" if "description" in schema else ""
    if "properties" not in schema:
        return f"{comment}export type {name} = {_type(schema)};\n"
    lines = "".join(f"  {line};\n" for line in _members(schema))
    return f"{comment}export interface {name} {{\n{lines}}}\n"


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for key, value in schema["properties"].items():
        yield f"{_key(key)}{'' if key in required else '?'}: {_type(value)}"


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        item = _type(schema["items"]) if "items" in schema else "unknown"
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object":
        return _object(schema)
    return _SCALARS.get(str(kind), "unknown")


def _object(schema: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return "{ " + "; ".join(_members(schema)) + " }"
    inner = schema.get("additionalProperties")
    return f"Record<string, {_type(inner) if isinstance(inner, dict) else 'unknown'}>"


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            parts = [
                f"path: {_parameters(operation, 'path')}",
                f"query: {_parameters(operation, 'query')}",
                f"body: {_body(operation)}",
                f"answer: {_answer(operation)}",
            ]
            yield f"  /** {operation['summary']} */\n"
            yield f"  {json.dumps(f'{method.upper()} {path}')}: {{ {'; '.join(parts)} }};\n"


def _parameters(operation: Mapping[str, Any], where: str) -> str:
    found = [each for each in operation.get("parameters", ()) if each["in"] == where]
    if not found:
        return "Record<string, never>"
    members = (
        f"{_key(each['name'])}{'' if each['required'] else '?'}: {_type(each['schema'])}"
        for each in found
    )
    return "{ " + "; ".join(members) + " }"


def _body(operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody")
    if body is None:
        return "undefined"
    written = _type(body["content"]["application/json"]["schema"])
    return written if body.get("required") else f"{written} | undefined"


def _answer(operation: Mapping[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if status != "default":
            content = response.get("content", {}).get("application/json")
            return "undefined" if content is None else _type(content["schema"])
    return "undefined"


def main() -> int:
    """Write the file; with `--check`, only say whether it is up to date."""
    written = typescript(document())
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == written else 1
    TARGET.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
