"""What keeps the operator going: watches, the tick, the Lease, the queue. It gathers; it decides nothing."""
