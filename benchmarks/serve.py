"""The `offramp` command in a checkout, for processes that measurements start."""

from __future__ import annotations

from offramp.cli import main

if __name__ == "__main__":
    main()
