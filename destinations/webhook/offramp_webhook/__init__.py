"""Any HTTP endpoint as a destination of Offramp."""

from offramp_webhook.destination import Send, SendBatch, webhook
from offramp_webhook.message import Message
from offramp_webhook.settings import Settings

__all__ = ["Message", "Send", "SendBatch", "Settings", "webhook"]
