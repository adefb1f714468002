"""What to do about one Integration, decided from facts and a clock reading alone.

``fetch.decide`` is the entry. Nothing here reads a clock, a file or the network, and every "no" has a
reason, a message and the time of the next look.
"""
