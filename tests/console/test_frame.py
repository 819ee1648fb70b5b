"""The frame of the console's pages: signing in and out, the skip link, a lost connection."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.console.checks import assert_accessible, assert_fits

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_sign_in_page_is_accessible_and_fits(visitor: Page) -> None:
    """In both themes, and at each width."""
    await visitor.goto("/")
    await expect(visitor.get_by_role("heading", name="Sign in to Offramp")).to_be_visible()
    await assert_accessible(visitor)
    await assert_fits(visitor)
