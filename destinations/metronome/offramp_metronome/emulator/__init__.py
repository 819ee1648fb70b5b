"""An emulator of Metronome, with its limits, its deduplication by id, and faults on demand."""

from offramp_metronome.emulator.faults import Fault, Faults
from offramp_metronome.emulator.server import Emulator, run_emulator, serve
from offramp_metronome.emulator.stats import Stats
from offramp_metronome.emulator.store import StoredEvent

__all__ = ["Emulator", "Fault", "Faults", "Stats", "StoredEvent", "run_emulator", "serve"]
