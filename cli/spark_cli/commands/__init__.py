"""One module a command or a family of them: gather, decide, act, show, in this order."""
