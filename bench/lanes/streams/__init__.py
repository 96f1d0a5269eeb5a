"""What is made while it is sent."""
