"""Delivers events: match, map, check, perform, and record an outcome for every delivery."""

from offramp.delivery.batching import Parcel, in_batches
from offramp.delivery.bisection import Sent
from offramp.delivery.breaker import REMEDIES, Hold
from offramp.delivery.engine import Engine
from offramp.delivery.explain import explain
from offramp.delivery.failures import as_delivery_error, is_ours, plugin_failure
from offramp.delivery.instance import InstanceRuntime, check_settings, make_runtime, secrets_of
from offramp.delivery.pipeline import Pipeline, Prepared, compile_subscription
from offramp.delivery.retry import RetryPolicy, backoff, decide, policy_of
from offramp.delivery.send import send
from offramp.delivery.snapshot import Snapshot, StartInstance, compile_config
from offramp.delivery.watchdog import Blockage, Watchdog, watch_loop

__all__ = [
    "REMEDIES",
    "Blockage",
    "Engine",
    "Hold",
    "InstanceRuntime",
    "Parcel",
    "Pipeline",
    "Prepared",
    "RetryPolicy",
    "Sent",
    "Snapshot",
    "StartInstance",
    "Watchdog",
    "as_delivery_error",
    "backoff",
    "check_settings",
    "compile_config",
    "compile_subscription",
    "decide",
    "explain",
    "in_batches",
    "is_ours",
    "make_runtime",
    "plugin_failure",
    "policy_of",
    "secrets_of",
    "send",
    "watch_loop",
]
