"""`make demo`: the main job, for real, on a real cluster."""
