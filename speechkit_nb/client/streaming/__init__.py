"""Recognition of a live source, over as many sessions of the service as it needs."""
