"""acme's organisation as a package: a team's repository pins it in its lock and names it in handrail:organisation."""
