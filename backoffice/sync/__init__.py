"""The engine: compares revisions and versions. It knows mappers and a client, no provider and no Flask."""
