"""The page on dynamic fields: its example fetches choices as the page says."""

from __future__ import annotations

from typing import Any

from tests.docs.pages import blocks, read_page

from offramp import Destination
from offramp.testing import MakeIntegration, Partner


async def test_the_example_fetches_choices(integration: MakeIntegration, partner: Partner) -> None:
    """A page of lists that the partner has searched, and the keys of an object."""
    [example, *_] = blocks(read_page("how-to/dynamic-fields-and-save-hooks.md"), "python")
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example, "example", "exec", dont_inherit=True), names)  # noqa: S102 - it is the page's
    crm = Destination(
        slug="crm", name="CRM", settings=names["Settings"], actions=[names["AddMember"]]
    )
    sut = integration(crm)
    url = "https://crm.example"
    partner.get(f"{url}/lists?search=vip&page=1", payload={"lists": [{"id": 7, "name": "VIP"}]})
    found = await sut.test_dynamic_field("addMember", "list_id", search="vip")
    assert [(each.value, each.label) for each in found.choices] == [(7, "VIP")]
    partner.get(f"{url}/properties?list=l7", payload=["color"])
    found = await sut.test_dynamic_field("addMember", "data.__keys__", payload={"list_id": "l7"})
    assert [each.value for each in found.choices] == ["color"]
