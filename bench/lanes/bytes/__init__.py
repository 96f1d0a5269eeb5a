"""Responses whose body is in memory."""
