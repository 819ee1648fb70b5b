"""An emulator of the parts of HubSpot that the destination uses, with faults on demand."""

from offramp_hubspot.emulator.server import CLIENT_ID, CLIENT_SECRET, Emulator
from offramp_hubspot.emulator.state import Fault

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Emulator", "Fault"]
