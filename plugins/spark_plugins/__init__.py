"""The contract of a plugin and the bundled plugins, one module or package a service."""
