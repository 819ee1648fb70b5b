"""What Offramp costs, measured side by side with the engines that it replaces."""
