"""Objects of a store, passed on."""
