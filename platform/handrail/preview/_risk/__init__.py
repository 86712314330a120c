"""What the risk of a change is reckoned from: facts of one resource, and what the engine does with two of them."""
