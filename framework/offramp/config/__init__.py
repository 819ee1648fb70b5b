"""Sources, instances and subscriptions: their model, and how they come in and go out."""

from offramp.config.model import Config, Instance, Source, Subscription

__all__ = ["Config", "Instance", "Source", "Subscription"]
