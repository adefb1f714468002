"""Entries of `egressHosts` that the CRD and the runner have to refuse alike."""

OF_ALL_NAMESPACES = (
    "*.svc",
    "*.svc.cluster.local",
    "*.pod",
    "*.team-a.pod",
    "*.pod.cluster.local",
    "*.team-a.pod.cluster.local",
    "*.cluster.local",
    "*.local",
)
"""Below these every namespace has names."""
