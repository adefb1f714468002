"""A Kubernetes of one machine, in namespaces of its own, that leaves nothing behind."""

from dev.cluster.cluster import Cluster
from dev.cluster.options import Options

__all__ = ["Cluster", "Options"]
