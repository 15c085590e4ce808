"""How fast it is: one script per question, each printing both sides of a comparison made in one run."""
