"""Delivers events: match, map, check, perform, and record an outcome for every delivery."""

from offramp.delivery.attempt import deliver_batch
from offramp.delivery.audience_calls import AudienceCallError, call_partner
from offramp.delivery.audiences import NOT_CREATED, Audiences, make_audiences
from offramp.delivery.batch import Preparation, PreparedBatch
from offramp.delivery.bisection import Verdict
from offramp.delivery.breaker import CREDENTIALS, EGRESS, GRANT, REMEDIES, Hold
from offramp.delivery.choices import FetchedChoices, dynamic_field, fetch_choices, literals_of
from offramp.delivery.engine import Engine
from offramp.delivery.explain import explain
from offramp.delivery.failures import as_delivery_error, plugin_failure
from offramp.delivery.lifespans import enter_lifespans
from offramp.delivery.once import SentOutcome, send_once
from offramp.delivery.plan import Plan, compile_subscription
from offramp.delivery.retry import RetryPolicy, backoff, decide, policy_of
from offramp.delivery.runtime import InstanceRuntime, make_runtime
from offramp.delivery.sandboxes import Sandboxes, used_by
from offramp.delivery.settings import check_settings, secrets_of
from offramp.delivery.snapshot import Snapshot, StartInstance, compile_config
from offramp.delivery.watchdog import Blockage, Watchdog, watch_loop

__all__ = [
    "CREDENTIALS",
    "EGRESS",
    "GRANT",
    "NOT_CREATED",
    "REMEDIES",
    "AudienceCallError",
    "Audiences",
    "Blockage",
    "Engine",
    "FetchedChoices",
    "Hold",
    "InstanceRuntime",
    "Plan",
    "Preparation",
    "PreparedBatch",
    "RetryPolicy",
    "Sandboxes",
    "SentOutcome",
    "Snapshot",
    "StartInstance",
    "Verdict",
    "Watchdog",
    "as_delivery_error",
    "backoff",
    "call_partner",
    "check_settings",
    "compile_config",
    "compile_subscription",
    "decide",
    "deliver_batch",
    "dynamic_field",
    "enter_lifespans",
    "explain",
    "fetch_choices",
    "literals_of",
    "make_audiences",
    "make_runtime",
    "plugin_failure",
    "policy_of",
    "secrets_of",
    "send_once",
    "used_by",
    "watch_loop",
]
