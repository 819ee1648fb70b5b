"""Liquid templates: parsed by python-liquid, compiled and run with JavaScript's values."""

from __future__ import annotations

from offramp.mapping.liquid.program import LiquidTemplate, compile_template
from offramp.mapping.liquid.run import Run

__all__ = ["LiquidTemplate", "Run", "compile_template"]
