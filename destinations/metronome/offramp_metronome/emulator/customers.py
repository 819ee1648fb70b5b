"""The customers to whom usage is billed, and the aliases by which events name them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import attrs

from offramp_metronome.emulator.limits import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

#: Most characters of a name; a longer one is cut. Source: Metronome's API, `POST /v1/customers`.
MAX_NAME_CHARACTERS = 160

_NOT_FOUND = 404
_CONFLICT = 409


@attrs.frozen(kw_only=True)
class Customer:
    """One customer of Metronome's account."""

    id: str
    name: str
    ingest_aliases: tuple[str, ...]
    custom_fields: dict[str, str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


class Customers:
    """All customers; an alias belongs to at most one of them, archived ones included.

    Args:
        now: Returns the time, with its zone.
    """

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._by_id: dict[str, Customer] = {}
        self._id_by_alias: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def create(
        self, name: str, aliases: tuple[str, ...], custom_fields: dict[str, str]
    ) -> Customer:
        """Add a customer; 409 if another one has an alias already."""
        at = self._now()
        customer = Customer(
            id=str(uuid.uuid4()),
            name=name[:MAX_NAME_CHARACTERS],
            ingest_aliases=(),
            custom_fields=custom_fields,
            created_at=at,
            updated_at=at,
        )
        self._check_free(customer.id, aliases)
        self._by_id[customer.id] = customer
        return self.set_aliases(customer.id, aliases)

    def get(self, customer_id: str) -> Customer:
        """Return the customer with this id; 404 if there is none."""
        try:
            return self._by_id[customer_id]
        except KeyError:
            raise RefusedError(
                "customer: unknown", f"no customer has the id {customer_id}", status=_NOT_FOUND
            ) from None

    def match(self, name: str) -> Customer | None:
        """Return the customer that an event's `customer_id` names, by id or by alias."""
        return self._by_id.get(name) or self._by_id.get(self._id_by_alias.get(name, ""))

    def select(
        self, *, alias: str | None = None, ids: frozenset[str] | None = None, archived: bool = False
    ) -> list[Customer]:
        """List customers, oldest first: the active ones, or only the archived ones."""
        return [
            customer
            for customer in self._by_id.values()
            if (customer.archived_at is not None) == archived
            and (alias is None or alias in customer.ingest_aliases)
            and (ids is None or customer.id in ids)
        ]

    def set_aliases(self, customer_id: str, aliases: tuple[str, ...]) -> Customer:
        """Replace a customer's whole set of aliases; 404, or 409 if another one has an alias."""
        customer = self.get(customer_id)
        self._check_free(customer_id, aliases)
        for alias in customer.ingest_aliases:
            del self._id_by_alias[alias]
        for alias in aliases:
            self._id_by_alias[alias] = customer_id
        return self._change(attrs.evolve(customer, ingest_aliases=aliases))

    def archive(self, customer_id: str) -> Customer:
        """Archive a customer, who keeps the aliases; 404 if there is none."""
        customer = self.get(customer_id)
        if customer.archived_at is not None:
            return customer
        return self._change(attrs.evolve(customer, archived_at=self._now()))

    def clear(self) -> None:
        """Remove every customer."""
        self._by_id.clear()
        self._id_by_alias.clear()

    def _check_free(self, customer_id: str, aliases: tuple[str, ...]) -> None:
        for alias in aliases:
            owner = self._id_by_alias.get(alias, customer_id)
            if owner != customer_id:
                raise RefusedError(
                    "ingest_aliases: in use",
                    f"the ingest alias {alias!r} belongs to the customer {owner}",
                    status=_CONFLICT,
                )

    def _change(self, customer: Customer) -> Customer:
        changed = attrs.evolve(customer, updated_at=self._now())
        self._by_id[changed.id] = changed
        return changed
