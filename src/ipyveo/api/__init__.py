"""What the service says: requests, events, client. No disk, no notebook."""
