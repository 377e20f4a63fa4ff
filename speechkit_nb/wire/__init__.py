"""Everything that knows protobuf: message classes, JSON and v2 answers turned into v3 bytes."""
