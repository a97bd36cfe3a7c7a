"""What pretraining and fine-tuning share: optimizer, batches, precision; it knows no objective."""
