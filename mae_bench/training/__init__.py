"""What pretraining and fine-tuning share: optimizer, batches, precision; it knows no objective.

What to touch: with care. A change that moves numbers raises the versions of pretrainings and of
every protocol that trains.
"""
