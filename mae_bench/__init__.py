"""Compares pretraining objectives for text encoders, from text to verdict."""
