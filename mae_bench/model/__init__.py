"""The shared encoder and what objectives and protocols put on top of it."""
