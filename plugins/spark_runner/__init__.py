"""What runs in the pod of a fetch: `spark-fetch`."""
