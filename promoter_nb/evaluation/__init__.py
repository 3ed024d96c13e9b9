"How good a prediction is, how sure we are of that, and how good it could be."
