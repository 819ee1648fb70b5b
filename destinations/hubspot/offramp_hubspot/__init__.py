"""HubSpot as a destination of Offramp."""

from offramp_hubspot.contacts import Contact, UpsertContact
from offramp_hubspot.destination import hubspot
from offramp_hubspot.objects import CRMObject, UpsertObject
from offramp_hubspot.occurrences import Occurrence, SendEvent
from offramp_hubspot.settings import Settings

__all__ = [
    "CRMObject",
    "Contact",
    "Occurrence",
    "SendEvent",
    "Settings",
    "UpsertContact",
    "UpsertObject",
    "hubspot",
]
