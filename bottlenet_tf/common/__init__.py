"""What several rooms use and no reader needs to know first."""
