"""The object types of the emulated account, their properties, and which values these take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

from offramp_hubspot.emulator.answers import NOT_FOUND, RefusedError

PORTAL_ID: Final = 424242
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")


@attrs.frozen
class Property:
    """One property of an object type, as `GET /crm/properties` lists it."""

    name: str
    label: str
    type: str = "string"
    unique: bool = attrs.field(default=False, kw_only=True)
    read_only: bool = attrs.field(default=False, kw_only=True)
    options: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    def as_data(self) -> dict[str, Any]:
        """The property as JSON data."""
        return {
            "name": self.name,
            "label": self.label,
            "description": "",
            "type": self.type,
            "fieldType": "select" if self.options else "text",
            "options": [{"label": each, "value": each} for each in self.options],
            "hasUniqueValue": self.unique,
            "hidden": False,
            "calculated": False,
            "modificationMetadata": {"readOnlyValue": self.read_only},
        }

    def fault(self, value: Any) -> str | None:
        """HubSpot's code for a value that the property does not take, or None."""
        if value in (None, "") and not self.read_only:  # clears the property
            return None
        faults = {
            "READ_ONLY_VALUE": self.read_only,
            "INVALID_TYPE": isinstance(value, dict | list),
            "INVALID_EMAIL": self.name == "email" and not _EMAIL.fullmatch(str(value)),
            "INVALID_LONG": self.type == "number" and not _is_number(value),
            "INVALID_DATE": self.type == "datetime" and not _is_time(value),
            "INVALID_OPTION": bool(self.options) and str(value) not in self.options,
        }
        return next((code for code, holds in faults.items() if holds), None)


@attrs.frozen(kw_only=True)
class ObjectType:
    """An object type: its path, its names, and its properties by name."""

    path: str
    singular: str
    plural: str
    #: `None` for HubSpot's own types, which `GET /crm-object-schemas` does not list.
    type_id: str | None = None
    properties: Mapping[str, Property]

    @property
    def unique(self) -> tuple[str, ...]:
        """The names of the properties whose values identify a record."""
        return tuple(name for name, each in self.properties.items() if each.unique)

    def check(self, properties: Mapping[str, Any]) -> None:
        """Refuse properties that do not exist or do not take their value."""
        faults = []
        for name, value in properties.items():
            known = self.properties.get(name)
            fault = "PROPERTY_DOESNT_EXIST" if known is None else known.fault(value)
            if fault is not None:
                faults.append(f'{{"isValid":false,"error":"{fault}","name":"{name}"}}')
        if faults:
            raise RefusedError(f"Property values were not valid: [{','.join(faults)}]")


def _is_number(value: Any) -> bool:
    try:
        return Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _is_time(value: Any) -> bool:
    if str(value).isdigit():  # milliseconds since 1970
        return True
    try:
        return datetime.fromisoformat(str(value)) is not None
    except ValueError:
        return False


def _named(*properties: Property) -> dict[str, Property]:
    own = (
        Property("hs_object_id", "Record ID", "number", read_only=True),
        Property("createdate", "Create date", "datetime", read_only=True),
    )
    return {each.name: each for each in (*properties, *own)}


CONTACTS: Final = ObjectType(
    path="contacts",
    singular="Contact",
    plural="Contacts",
    properties=_named(
        Property("email", "Email", unique=True),
        # Separated by semicolons; each of them finds the contact, too.
        Property("hs_additional_emails", "Additional email addresses"),
        Property("firstname", "First name"),
        Property("lastname", "Last name"),
        Property("phone", "Phone number"),
        Property("company", "Company name"),
        Property("website", "Website URL"),
        Property("city", "City"),
        Property("country", "Country/Region"),
        Property("user_id", "User ID", unique=True),
        Property("plan", "Plan", "enumeration", options=("free", "pro")),
        Property("seats", "Seats", "number"),
        Property("last_login", "Last login", "datetime"),
    ),
)
COMPANIES: Final = ObjectType(
    path="companies",
    singular="Company",
    plural="Companies",
    properties=_named(
        Property("name", "Name"),
        # As at HubSpot, several companies may have one domain.
        Property("domain", "Company domain name"),
        Property("industry", "Industry"),
        Property("account_id", "Account ID", unique=True),
        Property("numberofemployees", "Number of employees", "number"),
    ),
)
DEALS: Final = ObjectType(
    path="deals",
    singular="Deal",
    plural="Deals",
    properties=_named(
        Property("dealname", "Deal name"),
        Property("amount", "Amount", "number"),
        Property("order_id", "Order ID", unique=True),
    ),
)
#: A custom object.
LICENCES: Final = ObjectType(
    path=f"p{PORTAL_ID}_licences",
    singular="Licence",
    plural="Licences",
    type_id="2-1001",
    properties=_named(
        Property("licence_key", "Licence key", unique=True),
        Property("product", "Product"),
    ),
)

OBJECT_TYPES: Final = (CONTACTS, COMPANIES, DEALS, LICENCES)
_BY_PATH: Final = {each.path: each for each in OBJECT_TYPES} | {
    each.type_id: each for each in OBJECT_TYPES if each.type_id
}


def object_type(path: str) -> ObjectType:
    """The object type of a path: its name, or the id of a custom object."""
    found = _BY_PATH.get(path)
    if found is None:
        message = f"Unable to infer object type from: {path}"
        raise RefusedError(message, category="OBJECT_NOT_FOUND", status=NOT_FOUND)
    return found
