"""The developer's workshop: a Kubernetes of one machine, the tools it needs, and the images.

Standard library only: it runs before any virtual environment exists.
"""
