"How accurate predictions are, how uncertain that is, and how accurate they could be."
