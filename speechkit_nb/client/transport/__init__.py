"""How calls reach the service: APIs, protocols, addresses, retries and rate limits."""
