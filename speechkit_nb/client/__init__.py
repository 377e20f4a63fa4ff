"""Jobs of a service: connect, submit, wait, fetch; and the journal that remembers them."""
