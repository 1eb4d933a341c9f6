"""Histories drawn by lot, and oracles that say what they must leave: from the responses in raw and the order of events alone."""
