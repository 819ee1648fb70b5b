"""`offramp lint`: what type checkers cannot see in a destination."""

from __future__ import annotations

import attrs

from offramp.cli.context import Context
from offramp.cli.lint import lint_module
from offramp.cli.options import Json


def lint(context: Context, module: str, *, json: Json = False) -> int:
    """Find what type checkers cannot see in a destination, such as a request that is not awaited.

    The exit status is 1 if anything is found. Modules that declare a destination are imported.

    Parameters
    ----------
    module
        A module or a package, as `import` takes it, or a Python file or a folder.
    """
    findings = lint_module(module)
    if json:
        context.show(map(attrs.asdict, findings), str, as_json=True)
    else:
        for finding in findings:
            context.out.print(str(finding), markup=False, soft_wrap=True)
    return int(bool(findings))
