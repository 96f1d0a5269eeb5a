"""Archives that are packed while they are sent."""
