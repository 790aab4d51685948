"""One run, from request to saved clip, on the background loop."""
