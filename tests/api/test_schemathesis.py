"""The control API under a tester that knows nothing but its OpenAPI document."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.cli.conftest import CONFIG, TOKEN
from tests.cli.parts import serving

from offramp_metronome.emulator import Emulator

PATIENCE = 200.0
#: Made-up requests for each operation and way to make them up.
EXAMPLES = 10
CHECKS = (
    "not_a_server_error,status_code_conformance,"
    "content_type_conformance,response_schema_conformance"
)


async def test_every_operation_answers_as_its_document_says(tmp_path: Path) -> None:
    """Thousands of odd requests: never a 5xx, and every answer of the shape that is promised."""
    config = tmp_path / "offramp.toml"
    config.write_text(CONFIG.replace("env:METRONOME_TOKEN", TOKEN))
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url) as host:
        token = (tmp_path / "offramp-data" / "token").read_text().strip()
        tester = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "st"),
            "run", f"{host.url}/api/openapi.json",
            "--header", f"Authorization: Bearer {token}",
            "--checks", CHECKS,
            "--phases", "coverage,fuzzing",
            "--max-examples", str(EXAMPLES),
            "--seed", "20261123",
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(tester.communicate(), PATIENCE)
    message = out.decode(errors="replace")
    assert tester.returncode == 0, message
    tested = re.search(r"Tested: (\d+)", message)
    assert tested is not None, message
    assert int(tested[1]) > 30
