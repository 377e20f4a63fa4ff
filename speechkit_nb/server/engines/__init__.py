"""Recognition engines: `base` is the protocol, `registry` finds an engine by name."""
