"""What every objective must keep to, as checks that third parties can run too."""
