"""The only code that talks to the API server. It carries out what was decided, and decides nothing."""
