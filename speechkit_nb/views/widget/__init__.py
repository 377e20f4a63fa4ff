"""The interactive timeline: TimelineView, its HTML page, and its JavaScript."""
