"""Pictures, widgets and pages made from frames and recordings."""
