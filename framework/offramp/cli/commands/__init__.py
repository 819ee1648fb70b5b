"""The commands of `offramp`: each is the file of its name."""
