"""Pictures in and clips out: no network of its own, no notebook."""
