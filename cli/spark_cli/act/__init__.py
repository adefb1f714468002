"""The only code that changes something: annotations and specs, Jobs, and a fetch on this machine."""
