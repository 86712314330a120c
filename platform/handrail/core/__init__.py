"""What everything else stands on: errors, units, YAML with positions, a clock. It imports nothing of ours."""
