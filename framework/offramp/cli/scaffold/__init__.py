"""Distributions for `offramp init`: a declaration in, the files of a Python project out."""

from offramp.cli.scaffold.declaration import Declaration, read_declaration
from offramp.cli.scaffold.kinds import Access, declare
from offramp.cli.scaffold.names import ProjectNames
from offramp.cli.scaffold.page import write_page
from offramp.cli.scaffold.project import write_project

__all__ = [
    "Access",
    "Declaration",
    "ProjectNames",
    "declare",
    "read_declaration",
    "write_page",
    "write_project",
]
