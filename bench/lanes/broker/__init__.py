"""Events for the clients of several processes."""
