"""Metronome (usage-based billing) as a destination of Offramp."""

from offramp_metronome.destination import SendEvent, Settings, metronome
from offramp_metronome.usage import UsageEvent

__all__ = ["SendEvent", "Settings", "UsageEvent", "metronome"]
