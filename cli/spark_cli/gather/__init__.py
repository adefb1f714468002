"""Reading: kubeconfigs, the API server, files. Nothing here writes to a cluster."""
