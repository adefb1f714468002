"""The one exception that is meant for the developer's eyes."""


class RefusalError(Exception):
    """Something cannot go on, and the message says why and what to do about it.

    It is printed without a traceback, so it must stand alone. Anything else that escapes is a
    fault of this tool and keeps its traceback.
    """
